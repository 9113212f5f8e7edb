"""What can go wrong in matching.

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
    │   ├── SegmentDamaged
    │   ├── SegmentTruncated
    │   ├── SegmentVersionUnknown
    │   ├── SegmentForeign
    │   ├── SegmentKeyWrong
    │   ├── SegmentNormaliserChanged
    │   ├── SegmentBaseOther
    │   ├── SegmentOutOfOrder
    │   └── SegmentTooLarge
    ├── CustomersRefused
    │   ├── CustomersUnreadable
    │   ├── CustomersWithoutColumns
    │   └── CustomersOther
    ├── OrdinalsRefused
    └── InputRefused
        ├── InputMissing
        ├── InputUnreadable
        ├── InputSpecial
        ├── InputTruncated
        ├── InputDamaged
        ├── InputEncrypted
        ├── InputUnsupported
        ├── InputTooLarge
        ├── InputTooDeep
        ├── InputTooMany
        ├── InputTooSlow
        └── InputFailed

No message holds a customer's value, a key or a fingerprint.
"""

from storage.errors import SpillwatchError


class MatchingError(SpillwatchError):
    """Something went wrong in matching."""

    reason = "matching_failed"


class TermRefused(MatchingError):
    """The watch term cannot be searched for."""

    reason = "term_refused"


class KeyRefused(MatchingError):
    """The key file was refused."""

    reason = "key_refused"


class KeyMissing(KeyRefused):
    """There is no key file. Write one with `spillwatch keygen`, or say where it is."""

    reason = "key_missing"


class KeyExposed(KeyRefused):
    """Others than its owner may read the key file."""

    reason = "key_exposed"


class KeyDamaged(KeyRefused):
    """The key file is not one that `spillwatch keygen` wrote."""

    reason = "key_damaged"


class KeyCommandFailed(KeyRefused):
    """The command that should write the key did not."""

    reason = "key_command_failed"


class SegmentRefused(MatchingError):
    """The segment was refused."""

    reason = "segment_refused"


class SegmentMissing(SegmentRefused):
    """The segment file is not there."""

    reason = "segment_missing"


class SegmentDamaged(SegmentRefused):
    """The segment's bytes are not those that were written."""

    reason = "segment_damaged"


class SegmentTruncated(SegmentRefused):
    """The segment ends too early."""

    reason = "segment_truncated"


class SegmentVersionUnknown(SegmentRefused):
    """The segment's format is not one that this program reads."""

    reason = "segment_version_unknown"


class SegmentForeign(SegmentRefused):
    """The segment belongs to another company."""

    reason = "segment_foreign"


class SegmentKeyWrong(SegmentRefused):
    """The segment was written with another key."""

    reason = "segment_key_wrong"


class SegmentNormaliserChanged(SegmentRefused):
    """The segment's values were normalised by other rules than this program's."""

    reason = "segment_normaliser_changed"


class SegmentBaseOther(SegmentRefused):
    """The delta does not belong to this base."""

    reason = "segment_base_other"


class SegmentOutOfOrder(SegmentRefused):
    """The delta is not the next of its series."""

    reason = "segment_out_of_order"


class SegmentTooLarge(SegmentRefused):
    """More fingerprints of a field than a segment can hold."""

    reason = "segment_too_large"


class CustomersRefused(MatchingError):
    """The customers' file was refused."""

    reason = "customers_refused"


class CustomersUnreadable(CustomersRefused):
    """The customers' file cannot be read."""

    reason = "customers_unreadable"


class CustomersWithoutColumns(CustomersRefused):
    """No column of the customers' file is known to hold an identifier."""

    reason = "customers_without_columns"


class CustomersOther(CustomersRefused):
    """The list is not the one that the ordinals are of."""

    reason = "customers_other"


class OrdinalsRefused(MatchingError):
    """The list of ordinals was refused."""

    reason = "ordinals_refused"


class InputRefused(MatchingError):
    """A dump, or a part of one, cannot be read, or not further. What was read before counts."""

    reason = "input_refused"


class InputMissing(InputRefused):
    """There is no such file."""

    reason = "input_missing"


class InputUnreadable(InputRefused):
    """The system does not let the file be read."""

    reason = "input_unreadable"


class InputChanged(InputRefused):
    """What is read has changed since the match was ended."""

    reason = "input_changed"


class InputSpecial(InputRefused):
    """A link, device, pipe or socket: it is not followed."""

    reason = "input_special"


class InputTruncated(InputRefused):
    """The data ends too early."""

    reason = "input_truncated"


class InputDamaged(InputRefused):
    """The data is not what it says it is."""

    reason = "input_damaged"


class InputEncrypted(InputRefused):
    """The data needs a password."""

    reason = "input_encrypted"


class InputUnsupported(InputRefused):
    """The data is packed in a way that is not read here."""

    reason = "input_unsupported"


class InputTooLarge(InputRefused):
    """More came out, or would have, than is allowed."""

    reason = "input_too_large"


class InputTooDeep(InputRefused):
    """Archives or folders lie deeper within one another than is allowed."""

    reason = "input_too_deep"


class InputTooMany(InputRefused):
    """There are more files than are allowed."""

    reason = "input_too_many"


class InputTooSlow(InputRefused):
    """Reading took longer than is allowed."""

    reason = "input_too_slow"


class InputFailed(InputRefused):
    """The program that reads it made a mistake."""

    reason = "input_failed"
