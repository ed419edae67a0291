"""What is collected on disk is what is published, at every moment, across restarts."""

import asyncio
import hashlib
import json
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import starfile

from livetomo.client.choice import Choice
from livetomo.client.command import Command, Every
from livetomo.client.follow import Follower
from livetomo.client.local_collection import Collection
from livetomo.client.pickset import RemoteFile
from livetomo.core.errors import ApiAway, ConfigurationError
from livetomo.formats.names import word
from livetomo.formats.particle_columns import ANGLES, CENTRED, SCORE
from livetomo.formats.star import loop_text, read_loops
from tests.client.test_pick_stream import FakeDaemon
from tests.formats.test_names import HOSTILE

FACTS = (
    "import sys, pathlib; star, picks, tomograms = sys.argv[1:]; "
    "rows = pathlib.Path(star).read_text().count(chr(10) + chr(84) + chr(83)); "
    "pathlib.Path('facts').write_text(f'{picks} {tomograms} {rows}')"
)


def texts(folder: Path, name: str) -> list[str]:
    """What each run has left behind, in order."""
    return [path.read_text() for path in sorted(folder.glob(f"krios1/*/runs/*/{name}"))]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def logs(folder: Path) -> list[str]:
    return texts(folder, "log.txt")


def stars(folder: Path) -> list[Path]:
    return sorted(folder.glob("krios1/*/ribosome.star"))


def names(star: Path) -> list[str]:
    return read_loops(star)["particles"]["rlnTomoName"]


async def follow(
    daemon: FakeDaemon, folder: Path, tomograms: int, line: str | None = None, every: Every | None = None
) -> Follower:
    collection = Collection(folder, Choice("ribosome"))
    follower = Follower(
        daemon.stream(after=collection.position or 0),
        collection,
        command=Command(line) if line else None,
        every=every,
        tomograms=tomograms,
    )
    async with asyncio.timeout(20):
        await follower.run()
    return follower


async def test_the_particles_file_grows_and_shrinks_with_what_is_published(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    daemon.picked("TS_02", picks=2)
    daemon.picked("TS_01", picks=3)
    star = tmp_path / "krios1" / "s1" / "ribosome.star"
    await follow(daemon, tmp_path, 2)
    assert names(star) == ["TS_01"] * 3 + ["TS_02"] * 2
    daemon.retracted("TS_01")
    daemon.picked("TS_03", picks=1)
    daemon.picked("TS_04", picks=0)
    await follow(daemon, tmp_path, 3)
    assert names(star) == ["TS_02"] * 2 + ["TS_03"]
    first = {key: column[0] for key, column in read_loops(star)["particles"].items()}
    assert float(first["rlnCenteredCoordinateXAngst"]) == pytest.approx(0 - 64 * 13.48)
    assert float(first["rlnCenteredCoordinateZAngst"]) == pytest.approx(30 - 32 * 13.48)
    assert float(first["rlnAutopickFigureOfMerit"]) == 0.9


async def test_a_newer_revision_takes_the_place_of_the_older_one(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    daemon.picked("TS_01", picks=3)
    await follow(daemon, tmp_path, 1)
    daemon.retracted("TS_01")
    daemon.picked("TS_01", picks=5, revision=2, result_id="another")
    daemon.picked("TS_02", picks=1)
    await follow(daemon, tmp_path, 2)
    assert names(tmp_path / "krios1" / "s1" / "ribosome.star") == ["TS_01"] * 5 + ["TS_02"]


@pytest.mark.parametrize("picks", [5, 2, 0])
@pytest.mark.parametrize("restarted", [False, True])
async def test_a_set_that_replaces_another_without_a_retraction_leaves_none_of_its_rows(
    tmp_path: Path, picks: int, restarted: bool
) -> None:
    """As where a part of the tomogram is excluded or taken back in, or where a retraction was not heard."""
    daemon = FakeDaemon()
    daemon.picked("TS_01", picks=3)
    if restarted:
        await follow(daemon, tmp_path, 1)
    daemon.picked("TS_01", picks=picks, revision=2, result_id="another")
    daemon.picked("TS_02", picks=1)
    follower = await follow(daemon, tmp_path, 2)
    assert names(tmp_path / "krios1" / "s1" / "ribosome.star") == ["TS_01"] * picks + ["TS_02"]
    assert follower.collection.count == picks + 1
    assert Collection(tmp_path, Choice("ribosome")).count == picks + 1, "as many as are in the file"


async def test_another_reconstruction_is_called_as_its_series_from_when_it_is_in_force(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    star = tmp_path / "krios1" / "s1" / "ribosome.star"
    series = {"metadata": {"series": {"name": "TS_01", "of": "RELION project s1/"}}}
    daemon.picked("TS_01", picks=3, **series)
    daemon.picked("TS_01-2", picks=5, **series)
    await follow(daemon, tmp_path, 2)
    assert set(names(star)) == {"TS_01", "TS_01-2"}, "both stand: they must not be one"
    daemon.retracted("TS_01")
    daemon.picked("TS_02", picks=1)
    daemon.picked("TS_03", picks=1)
    await follow(daemon, tmp_path, 3)
    assert names(star) == ["TS_01"] * 5 + ["TS_02", "TS_03"]
    daemon.picked("TS_04", picks=1)
    await follow(daemon, tmp_path, 4)
    assert names(star) == ["TS_01"] * 5 + ["TS_02", "TS_03", "TS_04"], "as before after a restart"


async def test_sessions_with_the_same_names_are_kept_apart(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    daemon.picked("TS_01", picks=3, session="s1")
    daemon.picked("TS_01", picks=4, session="s/2")
    await follow(daemon, tmp_path, 2)
    assert [len(names(star)) for star in stars(tmp_path)] == [3, 4]


async def test_a_folder_is_not_used_for_two_collections(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    daemon.picked("TS_01")
    await follow(daemon, tmp_path, 1)
    with pytest.raises(ConfigurationError, match="collects --feature ribosome"):
        Collection(tmp_path, Choice("membrane"))


async def test_a_long_session_is_caught_up_with_without_writing_all_of_it_for_each_tomogram(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    for number in range(400):
        daemon.picked(f"TS_{number:03}", picks=100)
    begun = time.monotonic()
    await follow(daemon, tmp_path, 400)
    assert time.monotonic() - begun < 10
    assert len(names(stars(tmp_path)[0])) == 40_000


async def test_a_particles_file_that_is_ahead_of_what_is_remembered_is_made_right(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    daemon.picked("TS_01", picks=2)
    daemon.picked("a name with blanks", picks=1)
    await follow(daemon, tmp_path, 2)
    before = (tmp_path / "follow.json").read_text()
    daemon.picked("TS_03", picks=3)
    await follow(daemon, tmp_path, 3)
    (tmp_path / "follow.json").write_text(before)  # killed between the two writes
    await follow(daemon, tmp_path, 3)
    assert Counter(names(stars(tmp_path)[0])) == {"TS_01": 2, word("a name with blanks"): 1, "TS_03": 3}


@pytest.mark.parametrize("name", ["TS 01", 'it\'s "x"', "#TS", "_x", "loop_", "00255", "a\nb", "a\u2028b", "TS_01"])
async def test_whatever_a_tomogram_is_called_a_restart_goes_on_with_its_rows(tmp_path: Path, name: str) -> None:
    daemon = FakeDaemon()
    daemon.picked(name, picks=2)
    daemon.picked("TS_02", picks=3)
    await follow(daemon, tmp_path, 2)
    before = stars(tmp_path)[0].read_bytes()
    daemon.picked("TS_03", picks=1)
    await follow(daemon, tmp_path, 3)
    assert Counter(starfile.read(stars(tmp_path)[0])["rlnTomoName"]) == {word(name): 2, "TS_02": 3, "TS_03": 1}
    assert set(before.splitlines()) < set(stars(tmp_path)[0].read_bytes().splitlines())


@pytest.mark.parametrize("how", ["a row is gone", "it is cut", "it is gone", "it is of zeros", "it is not text"])
async def test_a_particles_file_that_has_lost_rows_is_made_whole_again(
    tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    daemon = FakeDaemon()
    for number in range(4):
        daemon.picked(f"TS_{number:02}", picks=number)
    await follow(daemon, tmp_path, 4)
    (star,) = stars(tmp_path)
    whole = star.read_bytes()
    match how:
        case "a row is gone":
            star.write_bytes(whole[: whole[:-1].rindex(b"\n") + 1])
        case "it is cut":
            star.write_bytes(whole[:-30])
        case "it is gone":
            star.unlink()
        case "it is of zeros":
            star.write_bytes(bytes(len(whole)))
        case "it is not text":
            star.write_bytes(b"\xff" * len(whole))
    await follow(daemon, tmp_path, 4)
    assert star.read_bytes() == whole
    assert "rows of TS_03 where 3 were taken in: they are fetched again" in caplog.text


async def test_a_particles_file_of_an_older_version_is_gone_on_with(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    daemon.picked("TS 01", picks=2)
    await follow(daemon, tmp_path, 1)
    (star,) = stars(tmp_path)
    called = word("TS 01")
    lines = [line for line in star.read_text().splitlines() if "rlnTomoParticleName" not in line]
    rows = [line.rpartition(" ")[0].replace(called, '"TS 01"') if line.startswith(called) else line for line in lines]
    star.write_text("\n".join(rows) + "\n")
    assert Collection(tmp_path, Choice("ribosome")).count == 2
    daemon.picked("TS_02", picks=1)
    await follow(daemon, tmp_path, 2)
    assert names(star) == [word("TS 01")] * 2 + ["TS_02"]


async def test_a_file_that_cannot_be_fetched_now_is_waited_for(tmp_path: Path) -> None:
    class Flaky(FakeDaemon):
        refusals = 3

        async def fetch(self, file: RemoteFile) -> bytes:
            self.refusals -= 1
            if self.refusals >= 0:
                raise ApiAway("http://daemon cannot be reached")
            return b"data_particles"

    async def pause(seconds: float) -> None:
        await asyncio.sleep(0)

    daemon = Flaky()
    daemon.picked("TS_01")
    collection = Collection(tmp_path, Choice("ribosome", format="relion5"))
    await Follower(daemon.stream(after=0), collection, tomograms=1, pause=pause).run()
    assert contents(tmp_path / "krios1" / "s1" / "tomograms") == {"TS_01.relion5.star": b"data_particles"}


async def test_the_command_sees_a_copy_and_all_of_it_at_the_end(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    for number in range(5):
        daemon.picked(f"TS_{number:02}", picks=2)
    line = f'{sys.executable} -c "{FACTS}" {{star}} {{picks}} {{tomograms}}'
    follower = await follow(daemon, tmp_path, 5, line, Every(tomograms=2))
    assert follower.failed_runs == 0
    facts = texts(tmp_path, "facts")
    assert facts[-1] == "10 5 10"
    assert all(fact == f"{2 * int(fact.split()[1])} {fact.split()[1]} {2 * int(fact.split()[1])}" for fact in facts)
    again = await follow(daemon, tmp_path, 5, line, Every(tomograms=100))
    assert again.failed_runs == 0, "a restart lets the command see what is there"


async def test_a_command_that_fails_is_counted_and_what_it_said_is_kept(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    daemon.picked("TS_01")
    follower = await follow(daemon, tmp_path, 1, f"{sys.executable} -c \"print('no license'); raise SystemExit(3)\"")
    assert follower.failed_runs == 1
    assert logs(tmp_path) == ["no license\n"]


async def test_a_command_goes_through_no_shell(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    daemon.picked("TS_01", session="$(touch x); y")
    await follow(daemon, tmp_path, 1, f'{sys.executable} -c "import sys; print(sys.argv[1:])" {{session}} a|b')
    assert logs(tmp_path) == ["['$(touch x); y', 'a|b']\n"]


async def test_output_and_command_may_be_named_from_where_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "count.sh"
    script.write_text('#!/bin/sh\ngrep -c ^TS "$1"\n')
    script.chmod(0o755)
    daemon = FakeDaemon()
    daemon.picked("TS_01", picks=3)
    await follow(daemon, Path("sta"), 1, "./count.sh {star}")
    assert logs(Path("sta")) == ["3\n"]


@pytest.mark.parametrize("line", ["", "a 'b", "a {stars}"])
def test_a_command_that_cannot_be_understood_is_refused_at_once(line: str) -> None:
    with pytest.raises(ConfigurationError, match="--run"):
        Command(line)


async def test_a_command_that_ignores_sigterm_does_not_keep_the_follower(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livetomo.client.command.GRACE_SECONDS", 0.1)
    daemon = FakeDaemon()
    daemon.picked("TS_01")
    running = asyncio.create_task(follow(daemon, tmp_path, 1, "sh -c 'trap \"\" TERM; echo started; sleep 60'"))
    async with asyncio.timeout(15):
        while logs(tmp_path) != ["started\n"]:  # noqa: ASYNC110 (another process says it)
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.wait([running])


def test_a_program_that_does_not_exist_or_cannot_be_executed_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no-such-program cannot be run: no folder in PATH"):
        Command("no-such-program {star}")
    with pytest.raises(ConfigurationError, match=r"average\.sh cannot be run: there is no such file"):
        Command(f"{tmp_path}/average.sh {{star}}")
    (tmp_path / "average.sh").write_text("#!/bin/sh\n")
    with pytest.raises(ConfigurationError, match=r"average\.sh is not executable. Make it so: chmod \+x"):
        Command(f"{tmp_path}/average.sh {{star}}")


def test_the_state_is_readable(tmp_path: Path) -> None:
    Collection(tmp_path, Choice("ribosome")).save(7)
    assert json.loads((tmp_path / "follow.json").read_text())["position"] == 7


def shares(star: Path) -> list[str]:
    return read_loops(star)["particles"].get("livetomoFalseShare", [])


async def test_the_share_of_false_picks_stands_beside_the_score_also_after_a_restart(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    star = tmp_path / "krios1" / "s1" / "ribosome.star"
    daemon.picked("TS_01", picks=2)
    await follow(daemon, tmp_path, 1)
    assert shares(star) == [], "nobody has estimated it"
    daemon.picked("TS_02", picks=2, false=0.2)
    daemon.picked("TS_03", picks=1, false=0.05)
    await follow(daemon, tmp_path, 3)
    assert shares(star) == ["nan", "nan", "0.100000", "0.200000", "0.050000"]
    daemon.picked("TS_04", picks=1)
    await follow(daemon, tmp_path, 4)
    assert shares(star) == ["nan", "nan", "0.100000", "0.200000", "0.050000", "nan"]


async def test_only_picks_up_to_a_share_of_false_ones_are_taken_where_a_person_wants_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    daemon = FakeDaemon()
    daemon.picked("TS_01", picks=10, false=0.2)
    daemon.picked("TS_02", picks=3)
    daemon.picked("TS_03", picks=4, false=0.05)
    follower = Follower(daemon.stream(after=0), Collection(tmp_path, Choice("ribosome", false_share=0.1)), tomograms=3)
    async with asyncio.timeout(20):
        await follower.run()
    assert names(tmp_path / "krios1" / "s1" / "ribosome.star") == ["TS_01"] * 5 + ["TS_03"] * 4
    assert "TS_02: no pick is taken, since its share of false picks is not known" in caplog.text
    with pytest.raises(ConfigurationError, match=r"collects .* --false-share 0\.1 .*\(no --false-share\)"):
        Collection(tmp_path, Choice("ribosome"))
    assert Collection(tmp_path, Choice("ribosome", false_share=0.1)).count == 9


async def test_orientations_travel_through_messages_and_files_and_survive_a_restart(tmp_path: Path) -> None:
    for place, inline in (("inline", 1000), ("file", 1)):
        daemon = FakeDaemon(inline=inline)
        daemon.picked("TS_01", picks=2)
        body = dict(daemon.events[0])
        turns = [(10.0, 20.0, 30.0), (-40.5, 90.0, 0.25)]
        if place == "inline":
            body["columns"] = [*body["columns"], "rot", "tilt", "psi"]
            body["picks"] = [[*row, *turn] for row, turn in zip(body["picks"], turns, strict=True)]
        else:
            rows = [("TS_01", 1.0, 2.0, 3.0, *turn, 0.9) for turn in turns]
            star = loop_text("particles", ("rlnTomoName", *CENTRED, *ANGLES, SCORE), rows)
            name = "picks/ribosome.relion5.star"
            file = {"name": name, "url": "u", "sha256": hashlib.sha256(star.encode()).hexdigest(), "bytes": len(star)}
            daemon.files[name] = star.encode()
            body |= {"columns": [*body["columns"], "rot", "tilt", "psi"], "files": [file]}
        daemon.events[0] = body
        folder = tmp_path / place
        await follow(daemon, folder, 1)
        (written,) = stars(folder)
        table = starfile.read(written)
        assert table[list(ANGLES)].to_numpy().tolist() == [list(turn) for turn in turns]
        assert list(table["rlnTomoParticleName"]) == ["TS_01/1", "TS_01/2"]
        before = written.read_bytes()
        assert Collection(folder, Choice("ribosome")).sessions["krios1", "s1"].text().encode() == before
        daemon.picked("TS_02", picks=1)
        await follow(daemon, folder, 2)
        assert "rlnAngleRot" not in starfile.read(written), "nothing is invented where some have none"


async def test_a_series_is_called_as_relion_s_own_star_has_it(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    daemon.picked("a", metadata={"tilt_series_name": "TS 04"})
    daemon.picked("00255")
    await follow(daemon, tmp_path, 2)
    assert set(names(*stars(tmp_path))) == {"TS 04", word("00255")}


async def test_of_hostile_names_as_many_rows_are_read_as_were_published(tmp_path: Path) -> None:
    """By our reader and by starfile, tomogram by tomogram, and after a restart."""
    daemon = FakeDaemon()
    published = {name: 1 + number % 3 for number, name in enumerate(dict.fromkeys(HOSTILE))}
    for name, picks in published.items():
        daemon.picked(name, picks=picks)
    follower = await follow(daemon, tmp_path, len(published))
    (star,) = stars(tmp_path)
    expected = Counter({word(name): picks for name, picks in published.items()})
    assert len(expected) == len(published), "no two are called alike"
    theirs = starfile.read(star, parse_as_string=["rlnTomoName"])
    assert Counter(theirs["rlnTomoName"]) == Counter(names(star)) == expected
    assert follower.collection.count == sum(published.values()) == len(theirs)
    assert theirs["rlnTomoParticleName"].is_unique
    assert Collection(tmp_path, Choice("ribosome")).count == sum(published.values())
