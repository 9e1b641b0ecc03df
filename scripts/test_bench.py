"""The parts of the benchmark that need no server: settings, cases as data, figures, tables and the plot."""

import dataclasses
import unittest
import xml.etree.ElementTree as ElementTree

from scripts.bench import data, plot, report, summary
from scripts.bench.groups import GROUPS
from scripts.bench.model import Case, Floor, Follow, Group, Ratio, Sample, Statement
from scripts.bench.settings import Settings, SettingsError, from_environment

SVG = "{http://www.w3.org/2000/svg}"


def samples(*seconds: float, messages: int = 100, grown_mib: float | None = None) -> list[Sample]:
    return [Sample(messages, each, each / 2, each, grown_mib) for each in seconds]


def results(*groups: dict) -> dict:
    """Results of no machine."""
    return {
        "date": "2025-01-15", "machine": {"processor": "<x> & co", "processors": 2, "memory_gib": 8, "system": "Linux"},
        "versions": {"duckdb": "2.0.0", "nats-server": "2.15.1"}, "groups": list(groups),
    }


def measured(group: Group) -> dict:
    """The group as if each case had taken as many seconds as it has predecessors, and one."""
    taken = {case.name: samples(1.0 + number, messages=case.messages) for number, case in enumerate(group.cases)}
    full = {name: [dataclasses.replace(found[0], p50_us=7.0, p95_us=8.0, p99_us=9.0, grown_mib=1.0)] for name, found in taken.items()}
    return {**summary.summarize(group, full), "round_count": 1}


class FromEnvironment(unittest.TestCase):
    def test_nothing_said(self):
        self.assertEqual(from_environment({}, ["reading"]), Settings())

    def test_everything_said(self):
        said = {"BENCH_MESSAGES": "30000", "BENCH_ROUNDS": "2", "BENCH_ONLY": "link, reading", "BENCH_RECORD": "1"}
        found = from_environment(said, ["reading", "link"])
        self.assertEqual((found.messages, found.many, found.rounds), (30_000, 300_000, 2))
        self.assertEqual((found.only, found.record), (("link", "reading"), True))

    def test_what_cannot_be_meant(self):
        for name, value in (("BENCH_MESSAGES", "9"), ("BENCH_ROUNDS", "0"), ("BENCH_ROUNDS", "x"), ("BENCH_ONLY", "writing")):
            with self.subTest(name=name, value=value), self.assertRaisesRegex(SettingsError, name):
                from_environment({name: value}, ["reading"])


class Cases(unittest.TestCase):
    """Each group is whole: what a case or a ratio names is there."""

    def groups(self) -> list[Group]:
        return [make(Settings(messages=20_000, many=200_000)) for make in GROUPS.values()]

    def test_names(self):
        for name, group in zip(GROUPS, self.groups()):
            self.assertEqual(group.name, name)
            names = [case.name for case in group.cases]
            self.assertEqual(len(set(names)), len(names), name)

    def test_what_is_named_exists(self):
        for group in self.groups():
            names = {case.name for case in group.cases}
            streams, files = {stream.name for stream in group.streams}, {file.name for file in group.files}
            for ratio in group.ratios:
                self.assertLessEqual({ratio.case, ratio.against, ratio.less or ratio.case}, names, group.name)
            self.assertLessEqual({floor.case for floor in group.floors}, names, group.name)
            for case in group.cases:
                self.assertLessEqual({case.fills} - {""}, streams, case.name)
                self.assertTrue(group.link_ms or group.link_mb or not case.link, case.name)
                if isinstance(case, Follow):
                    self.assertIn(case.stream, streams)
                if isinstance(case, Statement):
                    self.assertLessEqual({case.own} - {""}, names, case.name)
                    for part in (case.sql + case.check).split("{files}/")[1:]:
                        self.assertIn(part.split("'")[0], files | {"event.proto"}, case.name)

    def test_columns(self):
        self.assertEqual(data.columns(("user_id", "paused")), "{'user_id': 'BIGINT', 'paused': 'BOOLEAN'}")
        self.assertEqual(len(data.TWELVE), 12)
        self.assertLessEqual(set(data.FIVE), set(data.TWELVE))


class Figures(unittest.TestCase):
    def test_percentile(self):
        values = [float(value) for value in range(100, 0, -1)]
        self.assertEqual([summary.percentile(values, part) for part in (0, 50, 99, 100)], [1, 50, 99, 100])
        self.assertEqual(summary.percentile([3.0], 50), 3.0)

    def test_median(self):
        found = samples(1.0, 10.0, 2.0)
        self.assertEqual(summary.median(found, "seconds"), 2.0)
        self.assertEqual(summary.median(found, "rate"), 50.0)
        self.assertIsNone(summary.median(found, "p50_us"))
        self.assertNotIn("grown_mib", summary.medians(found))

    def test_ratio_of_rates(self):
        found = summary.compare(Ratio("a", "b", 0.5), {"a": samples(2.0, 4.0, 2.0), "b": samples(1.0, 1.0, 1.5)})
        self.assertEqual((found.value, found.least, found.most, found.met), (0.5, 0.25, 0.75, True))
        self.assertFalse(summary.compare(Ratio("a", "b", 0.6), {"a": samples(2.0), "b": samples(1.0)}).met)
        self.assertIsNone(summary.compare(Ratio("a", "b"), {"a": samples(2.0), "b": samples(1.0)}).met)

    def test_a_case_can_be_taken_off_another(self):
        several = {"all": samples(2.0, 3.0), "some": samples(1.0, 1.5), "other": samples(2.0, 2.0)}
        found = summary.compare(Ratio("all", "other", 0.7, "seconds", less="some"), several)
        self.assertEqual(("all, less some", 0.625, 0.5, 0.75, True), (found.case, found.value, found.least, found.most, found.met))

    def test_ratio_of_times_has_a_highest_goal(self):
        slow, fast = ([Sample(1, 1, 1, 1, p50_us=value)] for value in (24.0, 20.0))
        self.assertTrue(summary.compare(Ratio("slow", "fast", 1.2, "p50_us"), {"slow": slow, "fast": fast}).met)
        self.assertFalse(summary.compare(Ratio("slow", "fast", 1.1, "p50_us"), {"slow": slow, "fast": fast}).met)

    def test_the_worst_round_decides_on_a_floor(self):
        found = summary.reach(Floor("a", 60), {"a": samples(1.0, 2.0, 1.0)})
        self.assertEqual((100, 50, False), (found.value, found.worst, found.met))
        self.assertTrue(summary.reach(Floor("a", 50), {"a": samples(1.0, 2.0, 1.0)}).met)
        late = [Sample(1, 1, 1, 1, p95_us=value) for value in (7.0, 9.0, 8.0)]
        self.assertEqual([summary.reach(Floor("a", goal, "p95_us"), {"a": late}).met for goal in (8.9, 9.0)], [False, True])

    def test_rounds_that_do_not_pair(self):
        with self.assertRaises(ValueError):
            summary.compare(Ratio("a", "b"), {"a": samples(1.0), "b": samples(1.0, 2.0)})

    def test_memory_is_what_the_same_without_us_does_not_take(self):
        cases = [Statement("ours", 1, own="theirs"), Statement("theirs", 1, loads=False), Statement("alone", 1)]
        found = summary.memory(cases, {
            "ours": samples(1.0, grown_mib=300), "theirs": samples(1.0, grown_mib=200), "alone": samples(1.0, grown_mib=128),
        })
        self.assertEqual([(entry.case, entry.ours_mib, entry.met) for entry in found], [("ours", 100, True), ("alone", 128, False)])

    def test_every_group_can_be_summarized_and_shown(self):
        for name, make in GROUPS.items():
            with self.subTest(name):
                group = make(Settings(messages=20_000, many=200_000))
                found = results(measured(group))
                for case in [*group.cases, *(Case(floor.case, 0) for floor in group.floors)]:
                    self.assertIn(case.name, report.text(found))
                    self.assertIn(report.literal(case.name), report.markdown(found))


class Merged(unittest.TestCase):
    def test_groups_of_one_setup_come_together(self):
        first, second = ({**results({"name": name, "title": title}), "settings": {}} for name, title in (("a", "old"), ("b", "b")))
        again = {**results({"name": "a", "title": "new"}), "settings": {}}
        both = summary.merged(summary.merged(first, second, ["b", "a"]), again, ["b", "a"])
        self.assertEqual([(group["name"], group["title"]) for group in both["groups"]], [("b", "b"), ("a", "new")])

    def test_other_versions_begin_anew(self):
        old, new = {**results({"name": "a"}), "settings": {}}, {**results({"name": "b"}), "settings": {"messages": 1}}
        self.assertEqual(summary.merged(old, new, ["a", "b"]), new)


class Report(unittest.TestCase):
    def group(self) -> dict:
        cases = (Case("a", 100), Case("b", 100))
        group = Group("g", "Title", (), cases, (Ratio("a", "b", 0.6), Ratio("b", "a", 2)))
        return {**summary.summarize(group, {"a": samples(2.0), "b": samples(1.0)}), "round_count": 1}

    def test_plain_columns_are_apart_and_aligned(self):
        lines = report.plain(report.ratios(self.group())).splitlines()
        self.assertEqual(len({line.index("0.5 to 0.5") + len("0.5 to 0.5") for line in lines if "0.5 to" in line}), 1)
        self.assertIn("missed", lines[1])
        self.assertIn("met", lines[2])

    def test_marked_rows_have_as_many_cells(self):
        lines = report.marked(report.cases(self.group())).splitlines()
        self.assertEqual({line.count("|") for line in lines}, {5})

    def test_markdown_shows_names_as_they_are(self):
        self.assertEqual(report.literal("count(*) of nats_get"), "count(\\*) of nats\\_get")

    def test_a_floor_that_is_missed_is_a_goal(self):
        group = Group("g", "Title", (), (Case("a", 100),), floors=(Floor("a", 60), Floor("a", 40)))
        found = {**summary.summarize(group, {"a": samples(2.0)}), "round_count": 1}
        self.assertTrue(report.goals(results(found)).startswith("1 of 2 goals are met."))
        self.assertIn("a: 50, goal ≥ 60", report.goals(results(found)))
        self.assertEqual(report.plain(report.floors(found)).split("\n")[1].split(), ["a", "50", "50", "≥", "60", "missed"])

    def test_goals(self):
        text = report.goals(results(self.group()))
        self.assertTrue(text.startswith("1 of 2 goals are met."), text)
        self.assertIn("a / b: 0.5, goal ≥ 0.6", text)

    def test_number(self):
        self.assertEqual([report.number(value) for value in (0, 0.0123456, 0.5, 12.345, 1234.5)], ["0", "0.0123", "0.5", "12.3", "1234"])


class Plot(unittest.TestCase):
    def test_svg_is_well_formed_and_to_scale(self):
        bars = [plot.Bar("a & <b>", 200.0, True), plot.Bar("half", 100.0, False), plot.Bar("next to nothing", 0.001, False)]
        root = ElementTree.fromstring(plot.svg("Title & more", "foot <x>", bars))
        widths = [float(rect.get("width")) for rect in root.iter(f"{SVG}rect")]
        self.assertAlmostEqual(widths[0], 2 * widths[1], delta=0.2)
        self.assertEqual(widths[2], 1.0)
        self.assertEqual([rect.get("class") for rect in root.iter(f"{SVG}rect")], ["ours", "other", "other"])
        self.assertIn("a & <b>", [text.text for text in root.iter(f"{SVG}text")])
        self.assertLessEqual(plot.LABEL + widths[0] + plot.VALUE, plot.WIDTH + 0.1)

    def test_both_schemes_colour_the_same_things(self):
        light, dark = plot.STYLE.split("@media (prefers-color-scheme: dark)")
        for word in ("text {", ".small", ".ours", ".other"):
            self.assertIn(word, light)
            self.assertIn(word, dark)

    def test_it_is_made_of_the_group_of_reading(self):
        group = GROUPS["reading"](Settings(messages=20_000))
        root = ElementTree.fromstring(plot.reading_svg(results(measured(group))))
        self.assertEqual(len(list(root.iter(f"{SVG}rect"))), len(plot.SHOWN))
        self.assertIsNone(plot.reading_svg(results()))


if __name__ == "__main__":
    unittest.main()
