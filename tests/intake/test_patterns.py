"""Patterns as users write them."""

import pytest

from livetomo.config.patterns import UNSORTED, ExcludedPaths, SessionPattern


@pytest.mark.parametrize(
    ("pattern", "path", "session"),
    [
        ("{session}/**", "s/a.mrc", "s"),
        ("{session}/**", "s/b/c/a.mrc", "s"),
        ("{session}/**", "a.mrc", UNSORTED),
        ("{session}", "s/b/a.mrc", "s"),
        ("*/{session}/**", "2026/s/a.mrc", "s"),
        ("*/{session}/**", "2026/a.mrc", None),
        ("*/{session}/**", "a.mrc", None),
        ("**/{session}/Tomograms/**", "x/y/s/Tomograms/job001/a.mrc", "s"),
        ("**/{session}/Tomograms/**", "s/Tomograms/a.mrc", "s"),
        ("20*/{session}/*.mrc", "2026/s/a.mrc", "s"),
        ("20*/{session}/*.mrc", "2026/s/b/a.mrc", None),
        ("{session}/**", "s with space (1)/a.mrc", "s with space (1)"),
        ("a.b/{session}/**", "aXb/s/a.mrc", None),
        ("{session}/*/tomograms/**", "s/tomograms/a.mrc", None),
    ],
)
def test_a_session_is_named_by_the_component_of_the_pattern(pattern, path, session):
    assert SessionPattern(pattern).place(path)[0] == session


@pytest.mark.parametrize(
    ("pattern", "files", "folders", "spared"),
    [
        ("**/*.eer", ["a.eer", "s/f/a.eer"], [], ["a.eer.mrc"]),
        ("*.eer", ["a.eer", "s/f/a.eer"], [], ["a.mrc"]),
        ("**/livetomo/**", ["livetomo/a.mrc", "s/livetomo/x/a.mrc"], ["livetomo", "s/livetomo"], ["s/livetomo.mrc"]),
        ("frames", ["s/frames"], ["frames", "s/frames"], ["s/frames2/a.mrc"]),
        ("s/raw/*", ["s/raw/a.mrc"], ["s/raw/x"], ["t/raw/a.mrc"]),
        ("a[z-b].mrc", ["a[z-b].mrc"], [], ["az.mrc"]),
        ("{session}.mrc", ["{session}.mrc"], [], ["s.mrc"]),
        ("a[^1].mrc", ["a^.mrc", "a1.mrc"], [], ["a2.mrc"]),
        ("", [], [], ["a.mrc"]),
    ],
)
def test_what_is_excluded_is_not_seen_and_its_folders_are_not_listed(pattern, files, folders, spared):
    exclusion = ExcludedPaths([pattern] if pattern else [])
    assert all(exclusion.has_file(path) for path in files)
    assert all(exclusion.has_folder(path) for path in folders)
    assert not any(exclusion.has_file(path) or exclusion.has_folder(path) for path in spared)
