"""Why a test of clickhouse-connect's own can fail against the embedded store, and which files are not run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

LEFT_OUT: Final = {
    "test_jwt_auth.py": "ClickHouse Cloud",
    "test_kerberos.py": "a Kerberos realm of their own Docker set-up",
    "test_proxy.py": "an HTTP proxy of their own Docker set-up",
    "test_rust_codec.py": "the driver's decoder in Rust, a package apart",
    "test_rust_codec_contract.py": "as test_rust_codec.py",
    "test_tls.py": "certificates of their own Docker set-up",
}
"""Files of tests, and what they need that has nothing to do with the store."""


@dataclass(frozen=True)
class Reason:
    """A known cause of failures.

    Attributes:
        pattern: Found in the failure's text.
        test: Found in the test's name; '' for any.
        whose: Who would have to change something.
        text: What is the matter.
    """

    pattern: str
    whose: str
    text: str
    test: str = ""

    def explains(self, name: str, failure: str) -> bool:
        return re.search(self.test, name) is not None and re.search(self.pattern, failure) is not None


REASONS: Final = (
    Reason(
        r"Not enough privileges|no writeable access storage",
        "chdb",
        "chdb has one user and no access control: no users, roles, grants, row policies. The store's own `user` and "
        "`password` guard its door.",
    ),
    Reason(
        r"system\.query_log",
        "chdb",
        "chdb keeps no log of queries of itself, and with one (docs/embedded.md) not under the client's ids.",
    ),
    Reason(
        r"There is no metadata of table",
        "chdb",
        "`SHOW CREATE TABLE` of a system table: chdb's database `system` keeps no definitions. `DESCRIBE` works.",
    ),
    Reason(
        r"Client session is unavailable",
        "the test",
        "It is of an earlier release than the driver, which raises another error of its own now.",
        test="test_context_manager_cleanup",
    ),
    Reason(
        r"Division by zero",
        "the test",
        "It fails on a busy machine only: the error that it waits for may come before it waits, as its author notes of "
        "another race.",
        test="test_stream_failure",
    ),
    Reason(
        r"UnicodeDecodeError|tzinfo|zoneinfo|protocol_version",
        "chdb",
        "`client_protocol_version`: chdb writes Native of version 0 only, which names no time zone of a DateTime. The "
        "driver notices and reads without; a DateTime64 keeps its zone.",
        test=r"test_protocol_version|timezone|tz",
    ),
    Reason(
        r"Port 9000|You must use port 8123",
        "the store",
        "ClickHouse answers HTTP on the port of its native protocol with a hint. The store has no such port.",
    ),
    Reason(
        r"Exception-Tag header to be present",
        "the test",
        "It watches for the header by replacing a method that the driver no longer calls. The header is sent, and the "
        "two other tests of the same errors pass.",
    ),
    Reason(
        r"DateTime64\(3\)', None, None, None, None",
        "the test",
        "It is of a later release than the driver: `description` has no precision yet.",
        test="test_description_precision_and_scale",
    ),
    Reason(
        r"'\d+' == '2'",
        "chdb",
        "It counts the rows read of `system.tables`, and chdb counts all tables of the first database, not the two "
        "that LIMIT left. The store passes on chdb's figure.",
        test="test_cursor",
    ),
    Reason(
        r"ObjectNotExecutableError",
        "the test",
        "It is of an earlier SQLAlchemy, which still ran statements that were compiled already.",
        test="test_datetime64_precompiled_parameter_mode",
    ),
    Reason(
        r"datetime\.date\(2024, 1, 2\)",
        "the test",
        "It is of an earlier release than the driver: it wants the bytes of a value that the driver has come to "
        "decode.",
        test="test_dynamic_shared_variant_unsupported_types",
    ),
    Reason(
        r"clickhousedb_",
        "the test",
        "It is of an earlier release than the driver, whose options in a migration are named `clickhousedb_…` now, not "
        "`clickhouse_…`.",
        test="test_alembic",
    ),
    Reason(
        r"tzinfo argument must be None",
        "the test",
        "It is of pandas 2: pandas 3 takes no nanoseconds at that place of a Timestamp.",
        test="test_pandas_datetime64",
    ),
    Reason(
        r"assert 0 > 0",
        "chdb",
        "It counts on a table of more than two rows, such as a server's logs of itself are. chdb keeps none.",
        test="test_params",
    ),
)
