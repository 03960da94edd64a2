"""What a provider's client gives the driver: items in pages, and the payload of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

#: One call as its reader takes it.
Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """One call as a provider lists it.

    `fingerprint` changes when the call, its analysis or its scores do; an item that was brought
    with the same one is not asked for again. `payload` is there where the list holds it already.
    """

    id: str
    fingerprint: str
    payload: Payload | None = field(default=None, compare=False)


class Provider(Protocol):
    """A client of one provider's API."""

    #: How far back each pull looks again, for calls and scores that come late.
    overlap: timedelta
    #: The time of one listing; after each, the cursor moves.
    stretch: timedelta

    def pages(self, start: datetime, end: datetime) -> Iterator[Sequence[Item]]:
        """Yield the items from `start` (inclusive) to `end`; calls under way are not among them.

        Raises:
            SourceFailed: see `pull.api`.
        """

    def payload(self, item: Item) -> Payload | None:
        """Return an item's call, whole; None: another item of this pull has brought it.

        Raises:
            Gone: it is not there any more.
            SourceFailed: see `pull.api`.
        """
