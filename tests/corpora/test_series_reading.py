"""Tables of numbers: what is read of them, and what is said of those that are in no order."""

from __future__ import annotations

import gzip

import pytest

from nlp_lstm.config import DataSettings
from nlp_lstm.corpora.series_reading import check_series, read_series
from nlp_lstm.errors import DataError, UsageError

PLAIN = "date,a,b\n2024-01-01,1,2.5\n2024-01-02,-3,1e2\n2024-01-03, 4 ,0\n"


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(content: str, name: str = "t.csv") -> str:
        (tmp_path / name).write_bytes(content.encode())
        return name

    return write


def read(source: str, **data):
    return read_series(source, DataSettings(**data))


def test_a_table_gives_its_numbers_its_times_and_their_names(table):
    found = read(table(PLAIN))
    assert found.values.tolist() == [[1.0, 2.5], [-3.0, 100.0], [4.0, 0.0]]
    assert (found.columns, found.time_column) == (("a", "b"), "date")
    assert found.times == ("2024-01-01", "2024-01-02", "2024-01-03")
    assert (found.first, found.source, found.notes) == (0, "t.csv", ())


def test_tabs_gzip_quotes_and_windows_line_ends_are_read(table, tmp_path):
    expected = read(table(PLAIN)).values.tolist()
    assert read(table(PLAIN.replace(",", "\t"), "t.tsv")).values.tolist() == expected
    assert read(table(PLAIN.replace(",", "\t"), "t.data"), format="tsv").values.tolist() == expected
    assert read(table(PLAIN.replace("\n", "\r\n"), "w.csv")).values.tolist() == expected
    assert read(table(PLAIN.replace("2024-01-02", '"2024-01-02"'), "q.csv")).values.tolist() == expected
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(PLAIN.encode()))
    assert read("t.csv.gz[1:]").values.tolist() == expected


def test_columns_that_are_asked_for_are_read_in_that_order(table):
    found = read(table(PLAIN), columns=("b", "a"))
    assert (found.columns, found.values[0].tolist()) == (("b", "a"), [2.5, 1.0])
    with pytest.raises(DataError, match=r"^line 1 of t\.csv: the header has no column 'c'; .* 'date', 'a', 'b'"):
        read("t.csv", columns=("c",))


def test_the_column_of_times_is_found_by_its_name_or_told(table):
    source = table("when,Year,a\nx,1999,1\ny,2000,2\n")
    assert (read(source).time_column, read(source).times, read(source).columns) == ("Year", ("1999", "2000"), ("a",))
    told = read(source, time_column="when")
    assert (told.times, told.columns) == (("x", "y"), ("Year", "a"))
    assert read(source, columns=("Year", "a")).columns == ("Year", "a")
    assert read(table("a\n1\n2\n", "n.csv")).times == ()
    with pytest.raises(DataError, match=r"no column 'wen'.*did you mean 'when'"):
        read(source, time_column="wen")


@pytest.mark.parametrize(
    ("rows", "first", "length"),
    [("[1:]", 1, 3), ("[:2]", 0, 2), ("[1:2]", 1, 2), ("[34%:67%]", 1, 2), ("[:]", 0, 3), ("[2:900]", 2, 3)],
)
def test_rows_that_are_named_are_to_be_foreseen_those_before_are_there(table, rows, first, length):
    found = read(table(PLAIN) + rows)
    assert (found.first, len(found), len(found.times)) == (first, length, length)
    assert found.source == "t.csv" + rows


def test_behind_the_rows_that_are_named_nothing_is_read(table):
    assert len(read(table(PLAIN + "2024-01-04,x,\n") + "[:3]")) == 3


def test_a_file_whose_name_has_brackets_is_that_file(table):
    assert len(read(table(PLAIN, "t.csv[1:2]"), format="csv")) == 3


def test_no_row_is_refused(table):
    with pytest.raises(DataError, match=r"^t\.csv\[3:\]: names no row, as there are 3$"):
        read(table(PLAIN) + "[3:]")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("date,a,b\n1,2,3\n2,,3\n", r"line 3 of t\.csv: column 'a' is empty; expected a number in every row"),
        ("date,a,b\n1,2,3\n2,NaN,3\n", r"line 3 of t\.csv: column 'a' says 'NaN'; expected a number in every row"),
        ("date,a,b\n1,x,3\n2,4,3\n", r"line 2 of t\.csv: column 'a' holds 'x'; expected a number$"),
        ("date,a,b\n1,,3\n", r"line 2 of t\.csv: column 'a' is empty"),
        ("date,a,b\n1,2,3\n2,3,about 7\n", r"line 3 of t\.csv: column 'b' holds 'about 7'; expected a number$"),
        ("date,a,b\n1,2,3\n2,3,inf\n", r"line 3 of t\.csv: column 'b' holds 'inf'; expected a number$"),
        ("date,a,b\n1,2,3\n2,3\n", r"line 3 of t\.csv: 2 columns; expected 3 columns \(date, a, b\)$"),
        ("date,a,b\n1,2,3\n\n2,3,4\n", r"line 3 of t\.csv: a blank line; expected 3 columns"),
        ("date,a,a\n1,2,3\n", r"line 1 of t\.csv: the header names 'a' twice"),
        ("date,a\n", r"t\.csv: no rows; expected some below the header$"),
        ("", r"t\.csv: no header line"),
        ("date,a\n1,x\n", r"t\.csv: no column of numbers$"),
        (
            "date;a\n1;2\n2;3,5\n",
            r"line 1 of t\.csv: the header is one column, 'date;a'; expected commas between columns, not ;$",
        ),
        (
            "2024-01-01,5,1.5\n2024-01-02,6,2.5\n",
            r"line 1 of t\.csv: holds numbers, such as '1\.5'; expected the names",
        ),
        (
            "date,a\n2024-01-03,1\n2024-01-02,2\n2024-01-01,3\n",
            r"line 3 of t\.csv: 2024-01-02 comes after 2024-01-03 \(newest first\); expected the oldest row first$",
        ),
        ("day,a\n1,5\n3,6\n2,7\n4,8\n", r"line 4 of t\.csv: 2 comes after 3 \(1 row goes back in time\)"),
        (
            'date,a,b\n1,"1,234",5\n2,"1,300",6\n',
            r"line 2 of t\.csv: column 'a' holds '1,234'; expected numbers such as",
        ),
        ("date,a,b\n1,5 %,5\n2,6 %,6\n", r"line 2 of t\.csv: column 'a' holds '5 %'; expected numbers such as 1234\.5"),
        ("\ndate,a\n1,2\n2,3\n", r"line 1 of t\.csv: a blank line; expected the columns' names$"),
        (
            "date,a\n2024-01-01,1\n2024-01-02,2,5\n2024-01-03,4\n2024-01-04,1\n",
            r"line 3 of t\.csv: 3 columns; expected 2",
        ),
        ("date,a\n1,2\n2,x\n3,\n", r"line 3 of .* \(and 1 more problem; `nlp-lstm data check t\.csv --task forecast`"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(table, content, message):
    with pytest.raises(DataError, match=f"^{message}"):
        read(table(content))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("date,a,b\n1,2,3\n2,2,4\n", "t.csv: column 'a' is 2 in every row: there is nothing to foresee in it"),
        ("date,a,b\n1,x,3\n2,y,4\n", "line 2 of t.csv: column 'a' holds text, such as 'x': it is left out"),
        (
            "date,a\n2024-01-01,2\n2024-01-02,3\n2024-01-04,4\n",
            "line 4 of t.csv: 2024-01-04 after 2024-01-02 is another step in time than the first "
            "(1 of 2 steps differ): rows are taken as equally far apart",
        ),
        (
            "date,a\n2024-01-01,2\n2024-01-02,3\n2024-01-02,4\n",
            "line 4 of t.csv: 2024-01-02 comes twice in a row "
            "(1 of 2 steps differ): rows are taken as equally far apart",
        ),
        ("date,a\nJan,1\nFeb,2\n", "t.csv: column 'date' is in no way of writing times that is known: not continued"),
    ],
)
def test_what_is_odd_is_told_and_read(table, content, message):
    found = read(table(content))
    assert found.notes == (message,)
    assert len(found) == content.count("\n") - 1


def test_a_row_that_cannot_be_read_is_not_told_again_as_a_step_in_time(table):
    report = check_series(
        table("date,a\n2024-01-01,1\n2024-01-02,2,5\n2024-01-03,4\n2024-01-04,1\n"), others=[], data=DataSettings()
    )
    assert [each.line for each in report.problems] == [3]


def test_a_check_refuses_a_single_row(table):
    report = check_series(table("date,a\n1,2\n"), others=[], data=DataSettings())
    assert [each.message for each in report.errors] == [
        "one row; expected at least one to look back on and one to foresee"
    ]


def test_a_column_of_another_way_to_write_dates_is_left_out_as_text(table):
    found = read(table("when,a\n12.05.2024,1\n13.05.2024,2\n"))
    assert found.columns == ("a",)


def test_an_hour_that_comes_twice_in_autumn_is_told_and_read(table):
    hours = [f"2024-10-27 {hour:02}:00" for hour in (0, 1, 2, 2, *range(3, 24))]
    days = [f"2024-10-{day} {hour:02}:00" for day in range(24, 27) for hour in range(24)]
    back = [*hours[:3], "2024-10-27 01:00", *hours[3:]]
    for times in (hours, back):
        lines = [f"{time},{number}\n" for number, time in enumerate([*days, *times])]
        found = read(table("date,a\n" + "".join(lines)))
        assert len(found) == len(lines) and "rows are taken as equally far apart" in found.notes[0]


def test_columns_may_be_called_by_numbers_where_times_have_a_name(table):
    assert read(table("date,2019,2020\n1,5,6\n2,7,8\n")).columns == ("2019", "2020")


GAPS = "date,a,b\n1,,1\n2,2,\n3,nan,3\n4, - ,3\n5,8,5\n6,,9\n"


@pytest.mark.parametrize(
    ("gaps", "a", "b"),
    [("last", [2, 2, 2, 2, 8, 8], [1, 1, 3, 3, 5, 9]), ("line", [2, 2, 4, 6, 8, 8], [1, 2, 3, 3, 5, 9])],
)
def test_gaps_are_filled_where_one_says_how_and_stated(table, gaps, a, b):
    found = read(table(GAPS), gaps=gaps)
    assert found.values.T.tolist() == [a, b]
    assert [note.partition(":")[0] + note.partition(":")[2][: len(" column 'a': 4 of 6")] for note in found.notes] == [
        "t.csv column 'a': 4 of 6",
        "t.csv column 'b': 1 of 6",
    ]
    assert "numbers are missing, 2 in a row at most: each is filled" in found.notes[0]


def test_no_gap_is_filled_from_behind_the_rows_that_are_named(table):
    assert read(table(GAPS) + "[:4]", gaps="line").values[:, 0].tolist() == [2, 2, 2, 2]


def test_a_column_of_gaps_alone_and_text_are_refused_however_gaps_are_filled(table):
    with pytest.raises(DataError, match=r"^t\.csv: column 'a' holds no number; expected some, to fill its gaps with"):
        read(table("date,a,b\n1,,1\n2,,2\n"), gaps="last")
    with pytest.raises(DataError, match=r"^line 3 of t\.csv: column 'a' holds 'x'; expected a number$"):
        read(table("date,a\n1,1\n2,x\n3,3\n"), gaps="last")


def test_a_check_says_how_many_numbers_are_missing(table):
    report = check_series(table(GAPS), others=[], data=DataSettings())
    assert [each.line for each in report.errors] == [2, 3, 4, 5, 7]
    assert str(report.warnings[0]) == "t.csv: column 'a': 4 of 6 numbers are missing, 2 in a row at most"
    filled = check_series("t.csv", others=[], data=DataSettings(gaps="last"))
    assert filled.errors == () and len(filled.warnings) == 2


def test_a_format_without_columns_is_refused(table):
    with pytest.raises(UsageError, match="a series is read from csv or tsv with a header, not jsonl"):
        read(table("{}", "t.jsonl"))
    with pytest.raises(DataError, match=r"none\.csv: no such file"):
        read("none.csv")


def test_a_check_finds_every_problem_of_every_file(table):
    table("date,a,b\n1,2,3\n2,x,3\n3,,3\n5,1,3\n")
    table("date,a,b\n1,2,3\n2,y,4\n", "dev.csv")
    report = check_series("t.csv", others=["dev.csv[1:]"], data=DataSettings())
    assert [(each.source, each.line, each.kind) for each in report.errors] == [
        ("t.csv", 3, "number"),
        ("t.csv", 4, "gap"),
        ("dev.csv", 3, "number"),
    ]
    assert [(each.line, each.kind) for each in report.warnings] == [(0, "constant"), (5, "times")]
    assert report.n_examples == 4


def test_the_real_files_are_read_whole(real_data):
    folder = real_data("timeseries")
    hourly = read(f"{folder}/ETTh1.csv[8640:11520]")
    assert (hourly.columns[-1], hourly.first, len(hourly)) == ("OT", 8640, 11520)
    assert hourly.times[8640] == "2017-06-26 00:00:00"
    monthly = read(f"{folder}/airline-passengers.csv")
    assert (monthly.columns, monthly.values[0, 0], len(monthly)) == (("Passengers",), 112.0, 144)
