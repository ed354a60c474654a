"""The embedded Postgres: started with its first user, stopped after its last, nothing lost."""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

import photoplay
from photoplay.embedded import EmbeddedPostgres, EmbeddedPostgresError, bin_path, status, use
from photoplay.embedded.binaries import bin_dirs
from photoplay.embedded.cluster import clear_leftovers
from photoplay.embedded.folder import Folder
from photoplay.embedded.unprivileged import ordinary_user

FAST = {"fsync": "off"}
DEADLINE_S = 20.0
IS_ROOT = os.geteuid() == 0
SCRIPT = Path(__file__).with_name("embedded_user.py")


class User:
    """Another process that uses the folder."""

    def __init__(self, data_dir: Path | None, **orders: object) -> None:
        orders = {"settings": FAST, **orders, "data_dir": str(data_dir or "")}
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT), json.dumps(orders)],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if data_dir is None else None,
            env={**os.environ, "PYTHONPATH": str(Path(photoplay.__file__).parents[1])},
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        assert select.select([self.process.stdout], [], [], DEADLINE_S)[0], "no answer"
        return self.process.stdout.readline().decode()

    def answer(self) -> dict:
        return json.loads(self.line())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        self.process.stdin.close()
        self.kill()
        self.process.stdout.close()


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """A zombie is not: a container's first process may never collect it."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"
    ps = ["ps", "-o", "stat=", "-p", str(pid)]
    said = subprocess.run(ps, capture_output=True, text=True, check=False).stdout.strip()
    return bool(said) and not said.startswith("Z")


def is_stopped(data_dir: Path) -> bool:
    return status(data_dir).status == "stopped"


def scalar(dsn: str, sql: str) -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(sql).fetchone()
        return row[0] if row else None


@contextlib.contextmanager
def using(data_dir: Path, **options: object) -> Iterator[EmbeddedPostgres]:
    server = use(data_dir, **{"settings": FAST, **options})
    try:
        yield server
    finally:
        server.release()


def answers(server: EmbeddedPostgres) -> object:
    try:
        return status(server.data_dir).status == "ready" and scalar(server.dsn(), "SELECT 1")
    except psycopg.OperationalError:
        return False


def namespaces_allowed() -> bool:
    if sys.platform != "linux":
        return False
    probe = User(None, first=[{"call": "enter_small_disk", "with": ["/mnt"]}])
    try:
        return probe.process.wait() == 0
    finally:
        probe.end()


# The ways of starting Postgres that can be had here: as root there are two more.
WAYS: dict[str, list[dict]] = {"as_is": []}
if IS_ROOT and sys.platform == "linux":
    WAYS["as_nobody"] = [{"call": "become_nobody"}]
    WAYS["root_without_namespaces"] = [{"call": "forbid_namespaces"}]
DISKS = ["limit_file_size", *(["enter_small_disk"] if namespaces_allowed() else [])]


@pytest.fixture
def user() -> Iterator[Callable[..., User]]:
    users: list[User] = []

    def start(data_dir: Path, **orders: object) -> User:
        users.append(User(data_dir, **orders))
        return users[-1]

    yield start
    for one in users:
        one.end()


@pytest.fixture(scope="module")
def used_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data_dir = tmp_path_factory.mktemp("used")
    use(data_dir, settings=FAST).release()
    return data_dir


@pytest.fixture
def data_dir(used_folder: Path) -> Iterator[Path]:
    """A folder that was used before: starting there takes no initdb."""
    eventually(lambda: is_stopped(used_folder))
    yield used_folder
    eventually(lambda: status(used_folder).status in {"stopped", "stopping", "failed"})


@pytest.fixture
def copied_dir(data_dir: Path, tmp_path: Path) -> Path:
    """The same, for a test that spoils it."""
    return Path(shutil.copytree(data_dir, tmp_path / "copy"))


@pytest.fixture
def pg(data_dir: Path) -> Iterator[EmbeddedPostgres]:
    with using(data_dir) as server:
        yield server


class TestStart:
    @pytest.mark.parametrize("programs", bin_dirs(), ids=str)
    def test_first_use_makes_a_database_that_is_durable_and_private(
        self, tmp_path: Path, programs: Path
    ) -> None:
        data_dir = tmp_path / "new" / "data"
        assert status(data_dir).status == "absent"
        with using(data_dir, bin_dir=programs, settings={}) as server:
            for address in (server.dsn(), server.owner_url()):
                for name, value in {
                    "fsync": "on",
                    "synchronous_commit": "on",
                    "full_page_writes": "on",
                    "listen_addresses": "127.0.0.1",
                    "server_encoding": "UTF8",
                }.items():
                    assert scalar(address, f"SHOW {name}") == value
                assert scalar(address, "SELECT current_database()") == "photoplay"
                assert scalar(address, "SELECT current_user") == "postgres"
            folder = Folder.of(data_dir)
            for private in (folder.root, folder.pgdata, server.socket_dir):
                assert private.stat().st_mode & 0o777 == 0o700
            assert folder.password_file.stat().st_mode & 0o777 == 0o600
            seen = status(data_dir)
            assert (seen.status, seen.pid, seen.port) == ("ready", server.pid, server.port)
        eventually(lambda: is_stopped(data_dir))
        # Programs of the cluster's own version are found without being named.
        with using(data_dir) as again:
            assert again.version == server.version

    def test_use_attaches_and_the_last_release_stops(self, pg: EmbeddedPostgres) -> None:
        again = use(pg.data_dir)
        assert (again.pid, again.dsn()) == (pg.pid, pg.dsn())
        pid = pg.pid
        assert pid is not None
        again.release()
        again.release()
        # Longer than the supervisor's look-out for users.
        assert scalar(pg.dsn(), "SELECT count(*) FROM pg_sleep(0.6)") == 1
        assert pg.pid == pid
        pg.release()
        eventually(lambda: pg.pid is None)
        assert not is_running(pid)

    def test_eight_processes_on_a_cold_folder_share_one_server(self, tmp_path: Path, user) -> None:
        answers = [one.answer() for one in [user(tmp_path / "data") for _ in range(8)]]
        assert len({answer["pid"] for answer in answers}) == 1
        assert len({scalar(a["url"], "SELECT pg_postmaster_start_time()") for a in answers}) == 1

    @pytest.mark.parametrize("way", WAYS)
    def test_server_runs_for_every_kind_of_user(self, tmp_path: Path, user, way: str) -> None:
        # Only its owner may pass: the server must not depend on what others may enter.
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)
        home = closed / "home"
        home.mkdir(mode=0o700)
        if way == "as_nobody":
            os.chown(home, ordinary_user().pw_uid, -1)
        one = user(home, first=WAYS[way])
        answer = one.answer()
        assert scalar(answer["url"], "SELECT 1") == 1
        assert scalar(answer["dsn"], "SELECT 1") == 1
        assert home.joinpath("postgres").stat().st_uid == answer["uid"]
        assert closed.stat().st_mode & 0o777 == 0o700
        assert (answer["uid"] == 0) == (IS_ROOT and way != "as_nobody")
        one.kill()
        eventually(lambda: not is_running(answer["pid"]))

    def test_folder_is_handed_over_between_the_ways_of_root(self, data_dir: Path, user) -> None:
        way = "root_without_namespaces" if IS_ROOT else "as_is"
        owner = ordinary_user().pw_uid if IS_ROOT else os.geteuid()
        for steps, uid in ((WAYS[way], owner), ([], None)):
            one = user(data_dir, first=steps)
            assert scalar(one.answer()["url"], "SELECT 1") == 1
            assert uid in {None, Folder.of(data_dir).pgdata.stat().st_uid}
            one.kill()
            eventually(lambda: is_stopped(data_dir))

    @pytest.mark.parametrize("name", ["long" * 25, "signs, 'of' <all> %40 kinds"])
    def test_awkward_path_gets_a_private_socket_folder(self, copied_dir: Path, name: str) -> None:
        awkward = copied_dir.rename(copied_dir.with_name(name))
        with using(awkward) as server:
            assert scalar(server.dsn(), "SELECT 1") == 1
            assert scalar(server.owner_url(), "SELECT 1") == 1
            assert len(str(server.socket_dir)) < 60
            assert server.socket_dir.stat().st_mode & 0o777 == 0o700
        eventually(lambda: is_stopped(awkward))
        assert not server.socket_dir.exists()

    def test_port_is_kept_and_given_up_when_taken(self, data_dir: Path) -> None:
        kept = int(Folder.of(data_dir).port_file.read_text())
        first = use(data_dir, settings=FAST)
        first.release()
        assert first.port == kept
        eventually(lambda: is_stopped(data_dir))
        with socket.create_server(("127.0.0.1", kept)):
            second = use(data_dir, settings=FAST)
            assert scalar(second.owner_url(), "SELECT 1") == 1
            second.release()
        assert second.port != kept

    def test_settings_reach_the_server(self, data_dir: Path) -> None:
        with using(data_dir, settings={"fsync": "off", "max_connections": "17"}) as server:
            assert scalar(server.dsn(), "SHOW max_connections") == "17"
        with pytest.raises(ValueError, match="listen_addresses"):
            use(data_dir, settings={"listen_addresses": "*"})

    @pytest.mark.parametrize("program", ["psql", "pg_dump", "pgbench"])
    def test_tools_run_against_both_addresses(self, pg: EmbeddedPostgres, program: str) -> None:
        options = {"psql": ["-Atc", "SELECT 6*7"], "pg_dump": ["-s"], "pgbench": ["-i", "-Id"]}
        for address in (pg.dsn(), pg.owner_url()):
            subprocess.run(
                [bin_path(program), *options[program], address], capture_output=True, check=True
            )


class TestSecrecy:
    def test_tcp_needs_the_password_and_nothing_else_listens(self, pg: EmbeddedPostgres) -> None:
        password = Folder.of(pg.data_dir).password_file.read_text()
        assert password in pg.owner_url()
        assert password not in pg.dsn() + repr(pg)
        for instead in ("", ":wrong"):
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(pg.owner_url().replace(f":{password}", instead))
        table = Path("/proc/net/tcp")
        listening = [r.split() for r in table.read_text().splitlines()] if table.exists() else []
        mine = {
            row[1] for row in listening if row[3] == "0A" and row[1].endswith(f":{pg.port:04X}")
        }
        assert mine <= {f"0100007F:{pg.port:04X}"}

    def test_lost_password_is_replaced(self, data_dir: Path) -> None:
        lost = Folder.of(data_dir).password_file
        before = lost.read_text()
        lost.unlink()
        with using(data_dir) as server:
            assert lost.read_text() != before
            assert scalar(server.owner_url(), "SELECT 1") == 1

    def test_log_repeats_no_statement_and_no_value(self, pg: EmbeddedPostgres) -> None:
        with psycopg.connect(pg.dsn(), autocommit=True) as connection:
            connection.execute("CREATE TABLE prompts (prompt text CHECK (length(prompt) < 9))")
            for statement in (
                "INSERT INTO prompts VALUES ('canary in a check')",
                "SELECT 'canary in a cast'::uuid",
                "SELECT canary_in_a_name",
                "SELECT 'canary in the last statement', pg_terminate_backend(pg_backend_pid())",
            ):
                with pytest.raises(psycopg.Error):
                    connection.execute(statement)
        assert b"canary" not in Folder.of(pg.data_dir).log_file.read_bytes()

    def test_log_is_bounded(self, data_dir: Path) -> None:
        log = Folder.of(data_dir).log_file
        os.truncate(log, 11 << 20)
        server = use(data_dir, settings=FAST)
        eventually(lambda: log.stat().st_size < (1 << 20))
        assert log.with_suffix(".log.1").stat().st_size >= 11 << 20
        server.release()


class TestKill:
    def test_server_stops_when_its_last_user_is_killed(self, data_dir: Path, user) -> None:
        first, second = user(data_dir), user(data_dir)
        pid = first.answer()["pid"]
        dsn = second.answer()["dsn"]
        first.kill()
        assert scalar(dsn, "SELECT count(*) FROM pg_sleep(0.6)") == 1
        second.kill()
        eventually(lambda: not is_running(pid))
        eventually(lambda: is_stopped(data_dir))
        log = Folder.of(data_dir).log_file.read_text()
        assert log.rstrip().endswith("database system is shut down")

    def test_forked_child_does_not_keep_the_server(self, data_dir: Path, user) -> None:
        parent = user(data_dir, fork=True)
        pid = parent.answer()["pid"]
        child = parent.answer()["child"]
        parent.kill()
        eventually(lambda: not is_running(pid))
        assert is_running(child)

    def test_killed_supervisor_is_replaced_while_there_are_users(
        self, pg: EmbeddedPostgres
    ) -> None:
        before = status(pg.data_dir)
        with psycopg.connect(pg.dsn()) as connection:
            connection.execute("CREATE TABLE kept_too AS SELECT 42 AS n")
        os.kill(before.supervisor_pid, signal.SIGKILL)
        eventually(lambda: not is_running(before.pid))
        eventually(lambda: answers(pg))
        after = status(pg.data_dir)
        assert after.supervisor_pid != before.supervisor_pid
        with using(pg.data_dir) as again:
            assert again.pid == after.pid
        assert scalar(pg.dsn(), "SELECT n FROM kept_too") == 42

    def test_killed_postmaster_is_started_again(self, pg: EmbeddedPostgres) -> None:
        before = status(pg.data_dir)
        for _ in range(2):
            killed = status(pg.data_dir).pid
            with psycopg.connect(pg.dsn()):
                os.kill(killed, signal.SIGKILL)
                eventually(lambda old=killed: status(pg.data_dir).pid not in {None, old})
            with using(pg.data_dir) as again:
                assert again.pid != killed
                assert scalar(pg.dsn(), "SELECT 1") == 1
        assert status(pg.data_dir).supervisor_pid == before.supervisor_pid

    def test_committed_rows_survive_the_killing_of_everything(self, data_dir: Path, user) -> None:
        writer = user(data_dir, insert=True, settings={})
        writer.answer()
        acknowledged = [int(writer.line()) for _ in range(50)][-1]
        seen = status(data_dir)
        for pid in (seen.supervisor_pid, seen.pid, writer.process.pid):
            os.kill(pid, signal.SIGKILL)
        writer.process.wait()
        eventually(lambda: not is_running(seen.supervisor_pid) and not is_running(seen.pid))
        with using(data_dir) as again:
            assert scalar(again.dsn(), "SELECT max(n) FROM kept") >= acknowledged
            assert scalar(again.dsn(), "SELECT count(*) = max(n) + 1 FROM kept") is True

    def test_killed_first_start_leaves_nothing_half_made(self, tmp_path: Path, user) -> None:
        folder = Folder.of(tmp_path)
        first = user(tmp_path)
        eventually(lambda: [*folder.root.glob("pgdata.new-*/base")])
        os.kill(status(tmp_path).supervisor_pid, signal.SIGKILL)
        answer = first.answer()
        assert scalar(answer["url"], "SELECT current_database()") == "photoplay"
        assert not [*folder.root.glob("pgdata.new-*")]

    @pytest.mark.parametrize("who", ["zombie", "stranger", "nobody"])
    def test_stale_lock_file_of_a_server_is_recognised(self, data_dir: Path, who: str) -> None:
        with subprocess.Popen(["sleep", "30"]) as process:
            if who != "stranger":
                process.kill()
                eventually(lambda: not is_running(process.pid))
            if who == "nobody":
                process.wait()
            lines = [str(process.pid), str(Folder.of(data_dir).pgdata), "1700000000", "5432"]
            lock = Folder.of(data_dir).pgdata / "postmaster.pid"
            lock.write_text("\n".join([*lines, "/nowhere", "127.0.0.1", "", "ready   ", ""]))
            with using(data_dir) as server:
                assert scalar(server.dsn(), "SELECT 1") == 1
                assert is_running(process.pid) == (who == "stranger")
                process.kill()

    def test_orphaned_server_is_ended_before_a_new_one_starts(self, data_dir: Path, user) -> None:
        folder, one = Folder.of(data_dir), user(data_dir)
        orphan = one.answer()["pid"]
        supervisor = status(data_dir).supervisor_pid
        os.kill(orphan, signal.SIGSTOP)
        os.kill(supervisor, signal.SIGKILL)
        one.kill()
        eventually(lambda: not is_running(supervisor))
        with pytest.raises(EmbeddedPostgresError, match=str(orphan)):
            clear_leftovers(folder, patience_s=0.1)
        assert (folder.pgdata / "postmaster.pid").read_text().split()[0] == str(orphan)
        two = user(data_dir)
        os.kill(orphan, signal.SIGCONT)
        assert scalar(two.answer()["url"], "SELECT 1") == 1
        assert not is_running(orphan)

    def test_terminated_supervisor_lets_its_users_finish(self, data_dir: Path, user) -> None:
        answer = (one := user(data_dir)).answer()
        with psycopg.connect(answer["dsn"]) as connection:
            os.kill(status(data_dir).supervisor_pid, signal.SIGTERM)
            eventually(lambda: status(data_dir).status == "stopping")
            assert connection.execute("SELECT 1").fetchone() == (1,)
        one.kill()
        eventually(lambda: is_stopped(data_dir))

    def test_removed_folder_stops_its_server(self, copied_dir: Path, user) -> None:
        answer = user(copied_dir).answer()
        copied_dir.rename(copied_dir.with_name("moved"))
        eventually(lambda: not is_running(answer["pid"]))
        assert status(copied_dir).status == "absent"


class TestRefusals:
    def test_cluster_of_another_major_version(self, copied_dir: Path) -> None:
        (Folder.of(copied_dir).pgdata / "PG_VERSION").write_text("12\n")
        with pytest.raises(EmbeddedPostgresError, match=r"PostgreSQL 12.*PHOTOPLAY_PG_BIN"):
            use(copied_dir)
        assert status(copied_dir).status == "failed"
        assert "PostgreSQL 12" in status(copied_dir).message

    def test_folder_of_another_user(self, copied_dir: Path) -> None:
        if IS_ROOT:
            os.chown(copied_dir / "postgres", ordinary_user().pw_uid, -1)
        else:
            shutil.rmtree(copied_dir / "postgres")
            (copied_dir / "postgres").symlink_to("/usr")
        with pytest.raises(EmbeddedPostgresError, match=r"belongs to the user \w+.*--data-dir"):
            use(copied_dir)

    def test_folder_that_cannot_be_written(self, tmp_path: Path, user) -> None:
        tmp_path.chmod(0o500)
        said = user(tmp_path / "data", first=WAYS.get("as_nobody", [])).answer()["error"]
        tmp_path.chmod(0o700)
        assert "Permission denied" in said
        assert "--data-dir" in said

    def test_file_in_place_of_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(EmbeddedPostgresError, match="Not a directory"):
            use(tmp_path / "file")

    @pytest.mark.parametrize("limit", DISKS)
    def test_full_disk_at_the_first_start(self, tmp_path: Path, user, limit: str) -> None:
        place = [str(tmp_path)] if limit == "enter_small_disk" else []
        said = user(tmp_path, first=[{"call": limit, "with": place}]).answer()["error"]
        assert said.startswith("No room for a database")
        assert not [*Folder.of(tmp_path).root.glob("pgdata*")]
        if limit == "limit_file_size":
            assert "error" not in user(tmp_path).answer()

    def test_folder_without_programs(self, tmp_path: Path) -> None:
        with pytest.raises(EmbeddedPostgresError, match=r"PHOTOPLAY_PG_BIN.*postgres"):
            use(tmp_path / "data", bin_dir=tmp_path)
        with pytest.raises(EmbeddedPostgresError, match=r"PHOTOPLAY_PG_BIN.*postgres"):
            bin_path("psql", bin_dir=tmp_path)

    def test_setting_that_postgres_refuses(self, data_dir: Path) -> None:
        with pytest.raises(EmbeddedPostgresError, match="shared_buffers"):
            use(data_dir, settings={"shared_buffers": "a lot"})
        server = use(data_dir, settings=FAST)
        assert scalar(server.dsn(), "SELECT 1") == 1
        server.release()
