"""A server that sends too much, or sends its client elsewhere, costs little and learns nothing."""

import gzip
import json
import tracemalloc
import zlib

import pytest

from failure_insights.llm import EndpointRefused, EndpointUnavailable
from failure_insights.llm.http_client import MAX_ANSWER_BYTES
from failure_insights_tests.endpoint.asking import GOOD, LABEL, always, ask, knowing
from failure_insights_tests.endpoint.server import EndpointServer, Reply, raw, says

MEGABYTE = 1_000_000


def zipped(megabytes: int) -> bytes:
    """Return a chat completion of so many megabytes as gzip, a thousandth of its size."""
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    parts = [packer.compress(b'{"choices": [{"message": {"content": "')]
    parts += [packer.compress(b"a" * MEGABYTE) for _ in range(megabytes)]
    return b"".join([*parts, packer.compress(b'"}}]}'), packer.flush()])


@pytest.mark.parametrize("status", [200, 400, 429, 500])
@pytest.mark.parametrize(
    "body",
    [raw(200, b" " * 30 * MEGABYTE), raw(200, zipped(300), headers={"content-encoding": "gzip"})],
    ids=["30 MB", "300 MB as gzip"],
)
def test_an_answer_of_many_megabytes_is_not_read_to_its_end(status: int, body: Reply) -> None:
    reply = Reply(status, body.body, headers=body.headers)
    tracemalloc.start()
    try:
        outcome = ask(always(reply), memory=knowing())
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert type(outcome.result) is EndpointUnavailable
    assert f"{MAX_ANSWER_BYTES:,} bytes" in str(outcome.result)
    assert len(outcome.sent) == 1
    # Some of what is counted is the server's, which is in this process too.
    assert most < 5 * MAX_ANSWER_BYTES + 2 * len(reply.body)


def test_no_compression_is_asked_for_and_what_comes_all_the_same_is_understood() -> None:
    completion = json.dumps({"choices": [{"message": {"content": json.dumps(GOOD)}}]}).encode()
    for encoding, body in [
        ("gzip", gzip.compress(completion)),
        ("deflate", zlib.compress(completion)),
    ]:
        reply = raw(200, body, headers={"content-encoding": encoding})
        outcome = ask(always(reply), memory=knowing())
        assert outcome.result == LABEL
        assert outcome.sent[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "reply",
    [
        raw(200, b"x" * 100, headers={"content-encoding": "br"}),
        raw(200, b"no gzip at all", headers={"content-encoding": "gzip"}),
        raw(200, gzip.compress(b'{"choices": []}' * 9)[:-12], headers={"content-encoding": "gzip"}),
    ],
    ids=["another encoding", "no gzip", "gzip that breaks off"],
)
def test_what_cannot_be_decompressed_is_no_answer(reply: Reply) -> None:
    assert type(ask(always(reply), memory=knowing()).result) is EndpointUnavailable


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_nothing_is_sent_there(status: int) -> None:
    with EndpointServer(always(says(GOOD))) as elsewhere:
        target = f"{elsewhere.url}/chat/completions?token=secret"
        outcome = ask(always(raw(status, b"", headers={"location": target})), times=20)
        assert elsewhere.sent == []
    assert {result.code for result in outcome.results} == {"llm_redirect"}
    assert type(outcome.results[0]) is EndpointRefused
    assert elsewhere.url in str(outcome.results[0])
    assert "secret" not in str(outcome.results[0])
    assert len(outcome.sent) == 1


@pytest.mark.parametrize("location", ["", "/elsewhere", "ftp://host/", "javascript:alert(1)", "//"])
def test_a_redirect_without_a_web_address_is_refused_as_well(location: str) -> None:
    outcome = ask(always(raw(307, b"", headers={"location": location})))
    assert outcome.result.code == "llm_redirect"
