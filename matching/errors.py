"""The errors of matching. A class's docstring is its default message.

SpillwatchError (storage.errors)
└── MatchingError
    ├── TermRefused
    ├── KeyRefused
    │   ├── KeyMissing
    │   ├── KeyExposed
    │   ├── KeyDamaged
    │   └── KeyCommandFailed
    ├── SegmentRefused
    │   ├── SegmentMissing
    │   ├── SegmentUnreachable
    │   ├── SegmentDamaged
    │   ├── SegmentTruncated
    │   ├── SegmentVersionUnknown
    │   ├── SegmentForeign
    │   ├── SegmentKeyWrong
    │   ├── SegmentNormaliserChanged
    │   ├── SegmentBaseOther
    │   ├── SegmentOutOfOrder
    │   ├── MasksMissing
    │   ├── MasksOther
    │   └── SegmentTooLarge
    ├── CustomersRefused
    │   ├── CustomersUnreadable
    │   ├── CustomersWithoutColumns
    │   ├── CustomersNotTaken
    │   └── CustomersOther
    ├── CanariesRefused
    │   ├── RegisterMissing
    │   ├── RegisterExposed
    │   ├── RegisterDamaged
    │   ├── CanarySetUnknown
    │   └── CanaryValueRefused
    ├── OrdinalsRefused
    ├── UnitRefused
    │   ├── UnitInputOther
    │   ├── UnitWatchOther
    │   ├── UnitsRemoved
    │   └── UnitResultDamaged
    ├── ReportFailed
    │   ├── ReportLibraryMissing
    │   ├── ReportFontMissing
    │   └── ReportUnwritable
    └── InputRefused
        ├── InputMissing
        ├── InputUnreadable
        ├── InputChanged
        ├── InputSpecial
        ├── InputTruncated
        ├── InputDamaged
        ├── InputEncrypted
        ├── InputUnsupported
        ├── InputTooLarge
        ├── InputTooDeep
        ├── InputTooMany
        ├── InputTooSlow
        ├── InputFailed
        └── InputUnitLost

No message holds a customer's value, a key or a fingerprint.
"""

from storage.errors import SpillwatchError


class MatchingError(SpillwatchError):
    """Matching failed."""

    reason = "matching_failed"


class TermRefused(MatchingError):
    """The watch term cannot be searched for."""

    reason = "term_refused"


class KeyRefused(MatchingError):
    """The key file was refused."""

    reason = "key_refused"


class KeyMissing(KeyRefused):
    """The key file does not exist. Create one with `spillwatch keygen`, or set its path."""

    reason = "key_missing"


class KeyExposed(KeyRefused):
    """Users other than its owner may read the key file. Run `chmod 600` on it."""

    reason = "key_exposed"


class KeyDamaged(KeyRefused):
    """The key file was not written by `spillwatch keygen`, or was changed since."""

    reason = "key_damaged"


class KeyCommandFailed(KeyRefused):
    """The key command failed or did not write a key."""

    reason = "key_command_failed"


class SegmentRefused(MatchingError):
    """The segment was refused."""

    reason = "segment_refused"


class SegmentMissing(SegmentRefused):
    """The segment file does not exist."""

    reason = "segment_missing"


class SegmentUnreachable(SegmentRefused):
    """The segment is not on this machine, and the shared store cannot be reached. It is tried again."""

    reason = "segment_unreachable"
    permanent = False


class SegmentDamaged(SegmentRefused):
    """The segment is damaged: its bytes are not those that were written. Copy it again."""

    reason = "segment_damaged"


class SegmentTruncated(SegmentRefused):
    """The segment is truncated. Copy it again."""

    reason = "segment_truncated"


class SegmentVersionUnknown(SegmentRefused):
    """The segment's format version is unknown to this program."""

    reason = "segment_version_unknown"


class SegmentForeign(SegmentRefused):
    """The segment belongs to another company."""

    reason = "segment_foreign"


class SegmentKeyWrong(SegmentRefused):
    """The segment was made with another key."""

    reason = "segment_key_wrong"


class SegmentNormaliserChanged(SegmentRefused):
    """The segment's values were normalised by rules other than this program's. Enrol the customers again."""

    reason = "segment_normaliser_changed"


class SegmentBaseOther(SegmentRefused):
    """The delta does not belong to this base."""

    reason = "segment_base_other"


class SegmentOutOfOrder(SegmentRefused):
    """The delta is not the next one of its chain."""

    reason = "segment_out_of_order"


class MasksMissing(SegmentRefused):
    """The segment has no tags of masked values, so masked samples cannot be compared with it."""

    reason = "masks_missing"


class MasksOther(SegmentRefused):
    """The tags of masked values were made with another key or by other mask templates. Enrol again."""

    reason = "masks_other"


class SegmentTooLarge(SegmentRefused):
    """A field has more fingerprints than a segment can hold."""

    reason = "segment_too_large"


class CustomersRefused(MatchingError):
    """The customer list was refused."""

    reason = "customers_refused"


class CustomersUnreadable(CustomersRefused):
    """The customer list cannot be read."""

    reason = "customers_unreadable"


class CustomersWithoutColumns(CustomersRefused):
    """No column of the customer list is known to hold an identifier."""

    reason = "customers_without_columns"


class CustomersNotTaken(CustomersRefused):
    """No value of the customer list was accepted."""

    reason = "customers_not_taken"


class CustomersOther(CustomersRefused):
    """The customer list is not the one whose customers the ordinals number."""

    reason = "customers_other"


class SchemaFileInvalid(CustomersRefused):
    """The file that declares the company's own columns is invalid."""

    reason = "schema_file_invalid"


class CanariesRefused(MatchingError):
    """The canaries were refused."""

    reason = "canaries_refused"


class RegisterMissing(CanariesRefused):
    """The canary register does not exist, or cannot be opened."""

    reason = "register_missing"


class RegisterExposed(CanariesRefused):
    """Users other than its owner may read the canary register. Run `chmod 600` on it."""

    reason = "register_exposed"


class RegisterDamaged(CanariesRefused):
    """The file is not a canary register that this version of Spillwatch reads."""

    reason = "register_damaged"


class CanarySetUnknown(CanariesRefused):
    """The register has no canaries of this system or partner."""

    reason = "canary_set_unknown"


class CanaryValueRefused(CanariesRefused):
    """What was given for the canaries' values cannot be used."""

    reason = "canary_value_refused"


class OrdinalsRefused(MatchingError):
    """The list of ordinals was refused."""

    reason = "ordinals_refused"


class UnitRefused(MatchingError):
    """A unit of a dump cannot be matched here."""

    reason = "unit_refused"


class UnitInputOther(UnitRefused):
    """The file that this node finds is not the one from which the unit was cut."""

    reason = "unit_input_other"


class UnitElsewhere(UnitRefused):
    """The file of a unit lies in none of the folders that this node may read for it."""

    reason = "unit_elsewhere"


class UnitWatchOther(UnitRefused):
    """The terms or segments of this node are not those for which the unit was cut."""

    reason = "unit_watch_other"


class UnitsRemoved(UnitRefused):
    """The units of this dump were deleted meanwhile, as when a company is erased. Run the command again."""

    reason = "units_removed"


class UnitResultDamaged(UnitRefused):
    """The result of a unit is not one that this version of Spillwatch wrote."""

    reason = "unit_result_damaged"


class ReportFailed(MatchingError):
    """The report could not be written."""

    reason = "report_failed"


class ReportLibraryMissing(ReportFailed):
    """A PDF needs typst, which is not installed: pip install 'spillwatch[report]'. HTML does not need it."""

    reason = "report_library_missing"


class ReportFontMissing(ReportFailed):
    """No font has all characters of the PDF. Debian, Ubuntu: install fonts-noto-cjk. Or use --html."""

    reason = "report_font_missing"


class ReportUnwritable(ReportFailed):
    """A file of the report cannot be written."""

    reason = "report_unwritable"


class InputRefused(MatchingError):
    """A dump, or a part of it, cannot be read, or not to its end. What was read before that counts."""

    reason = "input_refused"


class InputMissing(InputRefused):
    """The file does not exist."""

    reason = "input_missing"


class InputUnreadable(InputRefused):
    """The system refuses to read the file."""

    reason = "input_unreadable"


class InputChanged(InputRefused):
    """The input has changed since the match was interrupted."""

    reason = "input_changed"


class InputSpecial(InputRefused):
    """A link, device, pipe or socket, which is not read."""

    reason = "input_special"


class InputTruncated(InputRefused):
    """The data ends too early."""

    reason = "input_truncated"


class InputDamaged(InputRefused):
    """The data is damaged: it is not well-formed, or its checksum is wrong."""

    reason = "input_damaged"


class InputEncrypted(InputRefused):
    """The data needs a password."""

    reason = "input_encrypted"


class InputUnsupported(InputRefused):
    """The data is packed by a method that this program does not read."""

    reason = "input_unsupported"


class InputTooLarge(InputRefused):
    """Unpacking gives, or would give, more data than is allowed."""

    reason = "input_too_large"


class InputTooDeep(InputRefused):
    """Archives or folders are nested deeper than is allowed."""

    reason = "input_too_deep"


class InputTooMany(InputRefused):
    """There are more files than are allowed."""

    reason = "input_too_many"


class InputTooSlow(InputRefused):
    """Reading took longer than is allowed."""

    reason = "input_too_slow"


class InputFailed(InputRefused):
    """The reader of this format failed on it, which is an error of this program. Please report it."""

    reason = "input_failed"


class InputUnitLost(InputRefused):
    """A unit of the dump could not be matched on any node, so that its part of the dump was not compared."""

    reason = "input_unit_lost"
