import re
import uuid

from hypothesis import example, given
from hypothesis import strategies as st

from livetomo.core.naming import client_id, slug, stable_id

names = st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_.-]{0,130}", fullmatch=True)


def test_a_harmless_name_stays_as_it_is():
    assert slug("20261119_yeast-2.lamella") == "20261119_yeast-2.lamella"


@given(names)
@example("")
@example("..")
@example("#")
@example("a/../../b")
def test_a_slug_is_one_component_of_a_path_and_of_a_topic(name):
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", slug(name))


@given(names, names)
@example("a b", "a_b")
@example("a", ".a")
def test_two_names_never_share_a_slug(one, other):
    if one != other:
        assert slug(one) != slug(other)


def test_identities_are_the_same_for_ever():
    assert stable_id("event", "site", "main") == "a08e02c4-e5ad-5b3c-a33e-d5bd708bad28"


def test_identities_are_uuids_that_know_where_a_part_ends():
    assert uuid.UUID(stable_id("a", "bc")).version == 5
    assert stable_id("a", "bc") != stable_id("ab", "c")


PARTS = st.from_regex(r"[a-c0-1][-_.a-c0-1]{0,5}", fullmatch=True)


@given(PARTS, PARTS, PARTS, PARTS)
@example("em", "hall-main", "em-hall", "main")
def test_two_daemons_of_different_names_share_no_client_id(site, instance, other_site, other_instance):
    same = (site, instance) == (other_site, other_instance)
    assert (client_id(site, instance) == client_id(other_site, other_instance)) == same


def test_a_daemon_whose_instance_has_no_hyphen_keeps_its_client_id():
    assert client_id("example-facility", "main") == "livetomo-example-facility-main"
