"""Times with nanoseconds."""

import copy
import datetime as dt
import pickle
import unittest

import recpipe

NANOS = 1_700_000_000_123_456_789


class Times(unittest.TestCase):
    def test_whole_microseconds_are_plain(self):
        self.assertIs(type(recpipe.from_nanos(1000)), dt.datetime)
        self.assertIs(type(recpipe.from_nanos(1)), recpipe.Time)

    def test_all_moments_come_back(self):
        for nanos in [-1 << 63, -1, 0, 1, NANOS, (1 << 63) - 1]:
            for offset in [0, 3600, -86_399, 19_800]:
                time = recpipe.from_nanos(nanos, offset)
                self.assertEqual((recpipe.to_nanos(time), time.utcoffset().total_seconds()), (nanos, offset))
        # No clock has such an offset, nor has `datetime`.
        self.assertEqual(recpipe.from_nanos(5, 90_000).utcoffset(), dt.timedelta(0))

    def test_order_equality_and_hashes(self):
        time, same = recpipe.from_nanos(NANOS, 3600), recpipe.from_nanos(NANOS, 0)
        plain = recpipe.from_nanos(NANOS // 1000 * 1000)
        self.assertEqual((time, hash(time)), (same, hash(same)))
        self.assertTrue(plain < time and time > plain and plain != time and time != plain and not time <= plain and plain <= time)
        self.assertEqual(sorted([time, plain]), [plain, time])
        self.assertNotEqual(time, "text")
        self.assertNotEqual(time, dt.datetime(2023, 1, 1))
        with self.assertRaises(TypeError):
            time < dt.datetime(2023, 1, 1)

    def test_nanoseconds_are_kept(self):
        time = recpipe.from_nanos(NANOS, 3600)
        hour = dt.timedelta(hours=1)
        for later in time + hour, hour + time, time - (-hour):
            self.assertEqual(recpipe.to_nanos(later), NANOS + 3_600_000_000_000)
        self.assertEqual(recpipe.to_nanos(time.astimezone(dt.timezone.utc)), NANOS)
        self.assertEqual(time.replace(year=2024).nanosecond, 789)
        self.assertEqual(time.replace(nanosecond=0), recpipe.from_nanos(NANOS // 1000 * 1000))
        for same in pickle.loads(pickle.dumps(time)), copy.copy(time), copy.deepcopy(time):
            self.assertEqual((type(same), same.nanosecond, same), (recpipe.Time, 789, time))
        self.assertEqual(time - recpipe.from_nanos(NANOS // 1000 * 1000 - 1000), dt.timedelta(microseconds=1))

    def test_shown(self):
        time = recpipe.from_nanos(NANOS, 3600)
        self.assertEqual(time.isoformat(), "2023-11-14T23:13:20.123456789+01:00")
        self.assertEqual(str(time), "2023-11-14 23:13:20.123456789+01:00")
        self.assertEqual(time.isoformat(timespec="seconds"), "2023-11-14T23:13:20+01:00")
        self.assertEqual(eval(repr(time)), time)
