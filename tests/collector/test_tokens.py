"""Who a token lets in."""

from __future__ import annotations

import contextlib
import hashlib
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway.collector import Settings
from leeway.collector.door import tokens
from leeway.collector.door.tokens import Tokens
from leeway.collector.refusal import Reason, Refused
from leeway.model import Rejected

NOW_S = 1_800_000_000.0
SHOP, ENTRY = tokens.make("shop")
OTHER, OTHER_ENTRY = tokens.make("shop")
BANK, BANK_ENTRY = tokens.make("bank", NOW_S + 60)
KNOWN = Tokens([ENTRY, OTHER_ENTRY, BANK_ENTRY])


@pytest.mark.parametrize(
    ("authorization", "api_key", "project"),
    [
        (f"Bearer {SHOP}", None, "shop"),
        (f"bearer  {OTHER} ", None, "shop"),
        (None, SHOP, "shop"),
        (None, f" {BANK} ", "bank"),
        (f"Bearer {SHOP}", BANK, "shop"),
        ("Basic dXNlcjpwYXNz", BANK, "bank"),
    ],
    ids=count(),  # the tokens are new each time
)
def test_a_token_stands_for_its_project(authorization: str | None, api_key: str | None, project: str) -> None:
    assert KNOWN.project(authorization, api_key, NOW_S) == project


@pytest.mark.parametrize(
    ("authorization", "api_key", "why"),
    [
        (None, None, "a token is wanted"),
        ("", "", "a token is wanted"),
        ("Bearer ", None, "a token is wanted"),
        (f"Basic {SHOP}", None, "a token is wanted"),
        (SHOP, None, "a token is wanted"),
        (f"Bearer {SHOP[:-1]}", None, "not known"),
        (f"Bearer {SHOP} {SHOP}", None, "a token is wanted"),
        (f"Bearer {SHOP}x", None, "not known"),
        (f"Bearer {ENTRY.digest.hex()}", None, "not known"),
        (None, "é\udcff", "not known"),
    ],
    ids=count(),
)
def test_nobody_else_is_let_in(authorization: str | None, api_key: str | None, why: str) -> None:
    with pytest.raises(Refused, match=why) as refused:
        KNOWN.project(authorization, api_key, NOW_S)
    assert refused.value.reason is Reason.UNAUTHENTICATED
    assert SHOP not in str(refused.value)


def test_a_token_expires() -> None:
    assert KNOWN.project(f"Bearer {BANK}", None, NOW_S + 59) == "bank"
    with pytest.raises(Refused, match="expired"):
        KNOWN.project(f"Bearer {BANK}", None, NOW_S + 60)


def test_what_is_kept_does_not_hold_the_token() -> None:
    assert str(ENTRY) == f"shop:{hashlib.sha256(SHOP.encode()).hexdigest()}"
    assert tokens.make("shop")[0] != SHOP


@given(st.from_regex(r"[^\s:#]+", fullmatch=True), st.none() | st.integers(1, 4_000_000_000))
def test_an_entry_reads_as_it_was_written(project: str, expires_s: int | None) -> None:
    _, entry = tokens.make(project, expires_s)
    assert tokens.parse(str(entry), "here") == entry


@given(st.text() | st.text().map(f"{ENTRY}@{{}}".format) | st.datetimes().map(f"{ENTRY}@{{}}".format))
def test_any_line_is_an_entry_or_a_mistake(line: str) -> None:
    with contextlib.suppress(Rejected):
        assert len(tokens.parse(line, "here").digest) == 32


def test_a_file_has_comments_and_its_mistakes_have_lines() -> None:
    text = f"# senders\n\n{ENTRY}\n  {BANK_ENTRY}  \n"
    assert tokens.parse_file(text, "tokens") == [ENTRY, BANK_ENTRY]
    with pytest.raises(Rejected, match="tokens, line 6: "):
        tokens.parse_file(f"{text}\nshop:123\n", "tokens")
    with pytest.raises(Rejected, match="2027-13-01"):
        tokens.parse_file(f"{ENTRY}@2027-13-01", "tokens")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"tokens": ("shop:123",)}, "collector.tokens: a token is written"),
        ({"tls_cert": "c"}, "go together"),
        ({"tls_client_ca": "c"}, "tls_client_ca wants"),
        ({"project_bytes_per_s": {"shop": 0}}, "more than 0"),
        ({"rate_burst_s": 0}, "more than 0"),
    ],
)
def test_settings_that_cannot_be_meant_are_mistakes(settings: dict, said: str) -> None:
    with pytest.raises(Rejected, match=said):
        Settings(**settings)
