"""How long is waited before something is tried again."""

from livetomo.core.back_off import BackOff


def test_each_wait_is_twice_as_long_up_to_a_limit():
    waits = BackOff(5, 60)
    assert [waits.seconds(failures) for failures in range(7)] == [0, 5, 10, 20, 40, 60, 60]


def test_what_has_failed_for_months_is_still_tried_again():
    assert BackOff(5, 60).seconds(100_000) == 60
