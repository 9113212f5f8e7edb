"""Files that are no text, by their first bytes: what they are, and how to get text from them.

Read as text they would be noise, and "nothing found" would be untrue. A signature that letters alone could be
("MZ", "BM", "ORC") includes a byte that text has not. Each group names the source of its signatures.
"""

from __future__ import annotations

import re
from typing import NamedTuple

#: Bytes that decide. The last signature, of a disc, ends at 0x8006.
HEAD = 0x8006


class Signature(NamedTuple):
    """`what`: with its article. `advice`: what to do, after "; "."""

    pattern: re.Pattern[bytes]
    what: str
    advice: str


def signature_of(head: bytes) -> Signature | None:
    """Return the signature with which the bytes begin; None: there is none."""
    return next((signature for signature in SIGNATURES if signature.pattern.match(head)), None)


def _named(advice: str, *patterns: tuple[str, bytes]) -> tuple[Signature, ...]:
    """The signatures that share an advice."""
    return tuple(Signature(re.compile(pattern, re.DOTALL), what, advice) for what, pattern in patterns)


_UNPACK = "unpack it, for example with `7z x`, and match the result"
_DECRYPT = "decrypt it, and match the result"
_EXPORT = "export its tables as CSV or SQL, and match those"
_PICTURE = "read its text with a program for text recognition, for example tesseract, and match that"
_SOUND = "nothing in it can be matched unless somebody writes down what is said or shown"
_MOUNT = "copy the files out of it, for example with `7z x`, and match those"
_OTHER = "if it holds data, export that as text with the program that wrote it, and match the export"

SIGNATURES: tuple[Signature, ...] = (
    # ISO 32000-2, 7.5.2; readers accept other bytes before it.
    *_named(
        "export its text, for example with pdftotext, and match that",
        ("a PDF", rb"(?:\xef\xbb\xbf)?\s{0,16}%PDF-\d"),
    ),
    # [MS-CFB] 2.2
    *_named(
        "save it as .xlsx, .docx or text with the program that wrote it, and match that",
        ("a document of the old Office formats (.xls, .doc, .msg)", rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        ("a document of OneNote", rb"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3"),
    ),
    # [MS-OXTNEF] 2.1.3.1
    *_named(
        "unpack it, for example with `tnef`, and match the result",
        ("an attachment of Outlook that holds others (winmail.dat)", rb"\x78\x9f\x3e\x22"),
    ),
    # [MS-PST] 2.2.2.6; libdbx; Notes NSF: libnsfdb
    *_named(
        "export its messages, for example with `readpst`, and match those",
        ("a mailbox of Outlook (.pst, .ost)", rb"!BDN.{4}S[MO]|!BDN[^\x20-\x7e]"),
        ("a mailbox of Outlook Express (.dbx)", rb"\xcf\xad\x12\xfe"),
        ("a database of Lotus Notes", rb"\x1a\0\0\x04"),
    ),
    # SQLite, "Database File Format", 1.3, 3 and 4.1
    *_named(
        "open the database that it belongs to, export it with `sqlite3 FILE .dump`, and match that",
        ("the write-ahead log of a SQLite database", rb"\x37\x7f\x06[\x82\x83]\0"),
        ("the journal of a SQLite database", rb"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"),
    ),
    # PostgreSQL: src/bin/pg_dump/pg_backup_archiver.c; docs, "COPY", "Binary Format"
    *_named(
        "bring it to SQL with `pg_restore -f dump.sql FILE`, and match that",
        ("a dump of PostgreSQL in its own format", rb"PGDMP[\0-\x08]"),
    ),
    *_named(
        "load it with COPY, write it as text, and match that",
        ("a table of PostgreSQL in binary form", rb"PGCOPY\n\xff\r\n\0"),
    ),
    # mdbtools, HACKING.md; Microsoft Tape Format 1.00a, 5.2.1; mysql/sql/log_event.h; mongo-tools archive/;
    # redis/src/rdb.c; libesedb; ReadStat; libregf, libevtx
    *_named(
        _EXPORT,
        ("a database of Access", rb"\0\x01\0\0Standard (?:Jet|ACE) DB"),
        ("a backup of Microsoft SQL Server", rb"TAPE\0|MSSQLBAK[^ -~]"),
        ("a data file of Microsoft SQL Server", rb"\x01\x0f\0\0\x08"),
        ("a log of MySQL", rb"\xfebin"),
        ("the definition of a table of MySQL (.frm)", rb"\xfe\x01[\x06-\x0b][\0-\x1f].\0"),
        ("an archive of mongodump", rb"\x6d\xe2\x99\x81"),
        ("a snapshot of Redis", rb"REDIS\d{4}[\xf0-\xff]"),
        ("a dump of Oracle", rb"[\0-\x08].{1,2}EXPORT:V\d\d\."),
        ("a database of Firebird", rb"\x01\0\x39\x30"),
        ("a database of the Extensible Storage Engine", rb".{4}\xef\xcd\xab\x89"),
        ("a data set of SAS", rb"\0{12}\xc2\xea\x81\x60"),
        ("a data set of SPSS", rb"\$FL[23]@\(#\)"),
        ("a data set of Stata", rb"<stata_dta>|[\x71-\x73][\x01\x02]\x01\0"),
        ("a part of the Windows registry", rb"regf.{0,8}\0"),
        ("a log of Windows events", rb"ElfFile\0"),
    ),
    # parquet-format README; Avro 1.11 specification, "Object Container Files"; Arrow "IPC File Format" and
    # "Encapsulated message format"; ORC v1; HDF5 III.A; numpy.lib.format; pickletools
    *_named(
        "write it as CSV or JSON lines, for example with pandas or DuckDB, and match that",
        ("a Parquet file", rb"PAR[1E](?=.{0,15}[\0\x04-\x08\x0e-\x1f])"),
        ("an Avro file", rb"Obj\x01"),
        ("an Arrow file", rb"ARROW1\0\0|FEA1[^\x20-\x7e]|\xff\xff\xff\xff.{2}\0\0\x10\0\0\0"),
        ("an ORC file", rb"ORC[\0-\x08\x0e-\x1f]"),
        ("an HDF5 file", rb"\x89HDF\r\n\x1a\n"),
        ("an array of NumPy", rb"\x93NUMPY"),
        ("a pickle of Python", rb"\x80[\x02-\x05][\x80-\x95}\](c]"),
        ("a data set of R", rb"(?:RD[XB][23]\n)?[XBA]\n\0\0\0[\x02\x03]"),
        ("a binary property list", rb"bplist0\d"),
    ),
    # RFC 9580, 4.2, 5.1, 5.3 and 6.2; libksba; age 1.0; openssl enc(1);
    # Ansible Vault 1.1
    *_named(
        _DECRYPT,
        ("an encrypted message of OpenPGP", rb"(?:\xef\xbb\xbf)?\s{0,64}-----BEGIN PGP MESSAGE"),
        (
            "an encrypted message of OpenPGP",
            rb"(?:\x84.|\x85.{2}|\xc1(?:[\0-\xbf]|[\xc0-\xdf].))\x03.{8}[\x01-\x20]"
            rb"|(?:\x8c.|\xc3.)\x04[\x01-\x0d][\0\x01\x03\x04]|\xa3[\x01-\x03]",
        ),
        (
            "an encrypted message of CMS or S/MIME",
            rb"\s{0,64}-----BEGIN (?:PKCS7|CMS)-----"
            rb"|\x30[\x80-\x84].{0,4}\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07",
        ),
        ("a file encrypted with age", rb"age-encryption\.org/v1\n|\s{0,64}-----BEGIN AGE ENCRYPTED FILE"),
        ("a file encrypted with OpenSSL", rb"Salted__(?![ -~]{8})|U2FsdGVkX1[89+/][A-Za-z0-9+/]{20}"),
        ("a file of Ansible Vault", rb"\$ANSIBLE_VAULT;\d"),
        ("a file encrypted with AES Crypt", rb"AES[\0-\x03]"),
    ),
    # keepass.info, "KDBX File Format"; pwsafe formatV3; JDK KeyStore
    *_named(
        "it is encrypted: open it with its program, export its entries as CSV, and match those",
        ("a KeePass database", rb"\x03\xd9\xa2\x9a[\x65-\x67]\xfb\x4b\xb5"),
        ("a database of Password Safe", rb"PWS3(?![ -~]{8})"),
        ("a key store of Java", rb"\xfe\xed\xfe\xed"),
    ),
    # ITU-T T.81 B.1.1; RFC 2083 3.1; GIF89a 17; RIFF container of WebP; ISO/IEC 14496-12 4.3 and 23008-12;
    # TIFF 6.0; [MS-WMF], BITMAPFILEHEADER; Photoshop file formats; DjVu3; JPEG 2000 I.5.1
    *_named(
        _PICTURE,
        ("a JPEG picture", rb"\xff\xd8\xff"),
        ("a PNG picture", rb"\x89PNG\r\n\x1a\n"),
        ("a GIF picture", rb"GIF8[79]a(?=.{0,8}\0)"),
        ("a WebP picture", rb"RIFF.{4}WEBP"),
        ("a HEIC or AVIF picture", rb"\0.{3}ftyp(?:hei[cmsx]|hev[cx]|mif1|msf1|avi[fs])"),
        ("a TIFF picture", rb"II[*+]\0|MM\0[*+]"),
        ("a BMP picture", rb"BM.{4}\0\0\0\0.{2}\0\0"),
        ("an icon of Windows", rb"\0\0[\x01\x02]\0[\x01-\x40]\0"),
        ("a Photoshop document", rb"8BPS\0[\x01\x02]"),
        ("a JPEG 2000 or JPEG XL picture", rb"\0\0\0\x0c(?:jP  |JXL )\r\n|\xff\x4f\xff\x51|\xff\x0a"),
        ("a DjVu document", rb"AT&TFORM.{4}DJV"),
    ),
    # RIFF; ISO/IEC 14496-12; RFC 8794; RFC 3533; RFC 9639; id3.org; ISO/IEC 11172-3 2.4; [MS-ASF]
    *_named(
        _SOUND,
        ("a film or sound (RIFF)", rb"RIFF.{4}(?:AVI |WAVE)"),
        ("a film or sound (MP4)", rb"\0.{3}ftyp|\0{3}.(?:moov|mdat|wide)"),
        ("a film (Matroska)", rb"\x1a\x45\xdf\xa3"),
        ("a film (MPEG)", rb"\0\0\x01[\xb3\xba]"),
        ("a film or sound (ASF)", rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
        ("a film (Flash)", rb"FLV\x01|[FCZ]WS[\x01-\x20].{2}[\0-\x7f]\0"),
        ("a sound (Ogg)", rb"OggS\0"),
        ("a sound (FLAC)", rb"fLaC[\0\x80]"),
        ("a sound (MP3)", rb"ID3[\x02-\x04]\0|\xff[\xfb\xf3\xf2][\x10-\xef][\0-\x1f\x40-\xff]"),
        ("a sound (MIDI)", rb"MThd\0\0"),
    ),
    # RAR 5.0 archive format; [MS-CAB] 2.1; lz4 frame 1.6; xz file format "lzma-file-format.txt"; ncompress;
    # lzop; lzip manual; snappy framing; cpio(5), ar(5); rpm; xar; file(1), magic/Magdir/archive
    *_named(
        _UNPACK,
        ("a RAR archive", rb"Rar!\x1a\x07[^\0\x01]|Rar!\x1a\x07\x01[^\0]|RE\x7e\x5e(?![ -~]{8})"),
        ("an archive of InstallShield", rb"ISc\(.{2}\0"),
        ("an LZ4 file", rb"\x04\x22\x4d\x18|\x02\x21\x4c\x18"),
        ("an .lzma file", rb"[\x00-\xe0]\0\0.[\0-\x40]\xff{8}|\x5d\0\0.[\0-\x40].{5}\0{3}"),
        ("a file packed by compress or pack (.Z)", rb"\x1f[\x9d\xa0\x1e]"),
        ("an lzop file", rb"\x89LZO\0"),
        ("an lzip file", rb"LZIP[\0\x01]"),
        ("an lrzip file", rb"LRZI\0"),
        ("a Snappy file", rb"\xff\x06\0\0sNaPpY"),
        ("an ARJ archive", rb"\x60\xea.[\0-\x0a][\x10-\x40]"),
        ("an ACE archive", rb".{7}\*\*ACE\*\*.{0,8}[\0-\x08]"),
        ("an LHA archive", rb".{2}-l[hz][\dds]-.{3}\0"),
        ("a cpio archive", rb"0707(?:01|02)[0-9A-Fa-f]{104}|070707[0-7]{70}"),
        ("an ar archive", rb"!<arch>\n"),
        ("an RPM package", rb"\xed\xab\xee\xdb"),
        ("a xar archive", rb"xar!\0"),
        ("a ZPAQ archive", rb"7kSt\xa0|zPQ[\x01\x02]"),
        ("a StuffIt archive", rb"SIT!\0|StuffIt \(c\)"),
        ("a pack of Git", rb"PACK\0\0\0[\x02\x03]"),
    ),
    # ECMA-119 8.1; qcow2 docs/interop; VMDK 1.1; [MS-VHDX] 2.2; VHD 1.0; VirtualBox VDICore.h; LUKS1/2;
    # UEFI 5.3; [MS-WIM]; squashfs; EWF; FAT and NTFS boot sectors; ext4 superblock; UDIF
    *_named(
        _MOUNT,
        ("a disc image (ISO 9660)", rb".{32769}(?:CD001|BEA01)"),
        ("a disk image (qcow)", rb"QFI\xfb"),
        ("a disk image (VMDK)", rb"KDMV\x01|KDMV\x02|KDMV\x03|COWD\x01"),
        ("a disk image (VHD)", rb"vhdxfile|conectix\0"),
        ("a disk image (VDI)", rb".{64}\x7f\x10\xda\xbe"),
        ("a disk image (EnCase)", rb"EVF\x09\x0d\x0a\xff|EVF2\r\n\x81"),
        ("a disk image (WIM)", rb"MSWIM\0\0\0"),
        ("a disk image (squashfs)", rb"hsqs.{0,12}\0|sqsh\0"),
        ("a disk image (NTFS, FAT or exFAT)", rb"\xeb.\x90.{0,80}?(?:NTFS    |EXFAT   |FAT(?:12|16|32)?   )"),
        ("a disk image (Apple, encrypted)", rb"encrcdsa\0"),
        ("a disk image (GPT)", rb".{510}\x55\xaaEFI PART"),
        ("a disk image (boot sector)", rb"[\x33\xfa\xeb\xe9\0](?=.{0,508}\0).{509}\x55\xaa"),
        ("a disk image (ext)", rb"\0{1024}.{56}\x53\xef"),
        ("a disk image (HFS or APFS)", rb"\0{1024}(?:H\+\0\x04|HX\0\x05)|.{32}NXSB\0"),
        ("an encrypted disk image (LUKS)", rb"(?:LUKS|SKUL)\xba\xbe"),
    ),
    # [PE] 2; ELF gABI; Mach-O loader.h; JVMS 4.1; WebAssembly 5.5; dex format
    *_named(
        "if it is an archive that unpacks itself, " + _UNPACK,
        ("a program of Windows or DOS", rb"MZ.{1,20}?\0[\0-\x1f]?\0"),
        ("a program of Unix", rb"\x7fELF"),
        ("a program of macOS", rb"\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe"),
        ("a program of Java or macOS", rb"\xca\xfe\xba\xbe"),
        ("a program (WebAssembly)", rb"\0asm"),
        ("a program of Android", rb"dex\n\d{3}\0"),
    ),
    # pcap and pcapng drafts; OpenType; WOFF; minidump
    *_named(
        _OTHER,
        (
            "a recording of network traffic",
            rb"\xd4\xc3\xb2\xa1|\xa1\xb2\xc3\xd4|\x4d\x3c\xb2\xa1",
        ),
        (
            "a recording of network traffic",
            rb"\n\r\r\n.{4}(?:\x1a\x2b\x3c\x4d|\x4d\x3c\x2b\x1a)",
        ),
        ("a font", rb"OTTO\0|wOF[F2]\0|\0\x01\0\0\0[\x04-\x40]|ttcf\0"),
        ("an image of a process's memory", rb"MDMP\x93\xa7|PAGEDU(?:MP|64)"),
    ),
)
