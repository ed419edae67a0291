"""Work per second is bounded, whatever the size of the tree."""

from livetomo.intake.settle import LONGEST_REST, Rhythm


def test_a_small_tree_is_scanned_whole_at_each_round(clock):
    rhythm = Rhythm(20.0, 30.0, clock)
    assert rhythm.scan_is_due()
    rhythm.scanned(0.2, completed=True)
    assert not rhythm.scan_is_due()
    clock.advance(30)
    assert rhythm.scan_is_due()


def test_a_large_tree_is_scanned_rarely_and_its_hot_folders_at_each_round(clock):
    rhythm = Rhythm(20.0, 30.0, clock)
    rhythm.scanned(5.0, completed=True)
    clock.advance(30)
    assert rhythm.hot_is_due()
    assert not rhythm.scan_is_due()
    clock.advance(220)
    assert rhythm.scan_is_due()


def test_even_the_slowest_tree_is_scanned_now_and_then(clock):
    rhythm = Rhythm(20.0, 30.0, clock)
    rhythm.scanned(3600.0, completed=True)
    clock.advance(LONGEST_REST)
    assert rhythm.scan_is_due()


def test_a_scan_that_failed_is_tried_again_at_the_next_round(clock):
    rhythm = Rhythm(20.0, 30.0, clock)
    rhythm.scanned(20.0, completed=False)
    clock.advance(30)
    assert rhythm.scan_is_due()


def test_lost_news_makes_a_scan_due_at_once(clock):
    rhythm = Rhythm(20.0, 30.0, clock)
    rhythm.scanned(5.0, completed=True)
    rhythm.scan_now()
    assert rhythm.scan_is_due()


def test_files_that_settle_shorten_the_pause(clock):
    rhythm = Rhythm(20.0, 30.0, clock)
    rhythm.scanned(0.1, completed=True)
    rhythm.looked()
    assert rhythm.pause(settling=True) == 2.5
    assert rhythm.pause(settling=False) == 30.0
