"""A session goes back to its first recipe: a follower in another process ends with its picks, despite a kill."""

from pathlib import Path

from livetomo.config.recipe.recipe import load_recipe
from tests.faults.test_exclusion_reaches_the_average import answers, command, follower, in_star, line, until

STRICTER = "edge_angstrom = 900\n"


def stricter(folder: Path) -> Path:
    """Another recipe, by which there are no picks."""
    import livetomo.config.recipe.recipe as recipes

    text = (Path(recipes.__file__).parent / "builtin" / "untrained.toml").read_text()
    head, mark, pick = text.partition("[[pick]]")
    path = folder / "stricter.toml"
    path.write_text(head + mark + pick.replace("edge_angstrom = 60\n", STRICTER, 1))
    assert load_recipe(str(path)).hash != load_recipe("untrained").hash
    return path


async def two_tomograms(daemon, listener) -> None:
    await daemon.start()
    for name in ("TS_01", "TS_02"):
        daemon.land(name, seed=int(name[-1]))  # files of one second and content are copies of each other
        await listener.until(lambda heard, name=name: name in heard.states("done"))


async def test_followers_end_with_exactly_the_first_recipe_s_picks(daemon, listener, mosquitto, tmp_path):
    await two_tomograms(daemon, listener)
    config = ("--config", str(daemon.configuration))
    particles = daemon.output / "krios1" / "monday" / "particles" / "ribosome.star"
    star = tmp_path / "sta" / "krios1" / "monday" / "ribosome.star"
    async with follower(mosquitto.port, tmp_path / "sta") as process:
        for _ in range(2):
            await line(process)
        await until(lambda: star.exists() and in_star(star), {"TS_01": 1, "TS_02": 1})
        await until(lambda: particles.exists() and in_star(particles), {"TS_01": 1, "TS_02": 1})
        first, exported = star.read_bytes(), particles.read_bytes()
        assert "2 jobs made" in await command("reprocess", "monday", "--recipe", str(stricter(tmp_path)), *config)
        await listener.until(lambda heard: len(heard.states("done")) == 4)
        await until(lambda: in_star(star), {})
        await until(lambda: in_star(particles), {})
        assert "2 tomograms changed" in await command("reinstate", "monday", "--recipe", "untrained", *config)
        await daemon.kill()
        await daemon.start()
        await answers(daemon)
        await until(star.read_bytes, first)
        await until(particles.read_bytes, exported)
        assert "0 tomograms changed" in await command("reinstate", "monday", "--recipe", "untrained", *config)
    said = await command("picks", str(particles.parents[1]), "--format", "csv", "--output", str(tmp_path / "csv"))
    assert said.startswith("2 picks of ribosome in 2 tomograms"), "those who read the folder alone know it, too"
    await daemon.stop()
    await command("rebuild", *config)
    await daemon.start()
    await answers(daemon)
    await until(lambda: particles.exists() and particles.read_bytes(), exported)


async def test_a_session_is_withdrawn_and_restored(daemon, listener):
    await two_tomograms(daemon, listener)
    config = ("--config", str(daemon.configuration))
    particles = daemon.output / "krios1" / "monday" / "particles" / "ribosome.star"
    await until(lambda: particles.exists() and in_star(particles), {"TS_01": 1, "TS_02": 1})
    said = await command("exclude", "monday", "--all", "--why", "wrong grid", *config)
    assert said.count("everything is excluded by") == 2
    await until(lambda: in_star(particles), {})
    assert (await command("readmit", "monday", "--all", *config)).count("taken back: ") == 2
    await until(lambda: in_star(particles), {"TS_01": 1, "TS_02": 1})
