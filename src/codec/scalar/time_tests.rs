use super::super::tests::pushed;
use super::*;
use crate::calendar::date_from_days;
use crate::column::Type;

/// 2024-01-15T10:11:12Z in seconds.
const NOON_ISH: i64 = 1_705_313_472;

#[test]
fn timestamps_are_utc_in_every_spelling() {
    for (text, seconds) in [
        ("2024-01-15T10:11:12", Some(NOON_ISH)),
        ("2024-01-15 10:11:12", Some(NOON_ISH)),
        (" 2024-01-15T10:11:12Z ", Some(NOON_ISH)),
        ("2024-01-15t10:11:12z", Some(NOON_ISH)),
        ("2024-01-15 10:11:12 UTC", Some(NOON_ISH)),
        ("2024-01-15T10:11:12+02:00", Some(NOON_ISH - 7200)),
        ("2024-01-15T10:11:12+0230", Some(NOON_ISH - 9000)),
        ("2024-01-15T10:11:12-02", Some(NOON_ISH + 7200)),
        ("2024-01-15 10:11:12 +02:00", Some(NOON_ISH - 7200)),
        ("2024-01-15T10:11:12-03:30:15", Some(NOON_ISH + 12615)),
        ("2024-01-15T10:11", Some(NOON_ISH - 12)),
        ("2024-01-15T10:11Z", Some(NOON_ISH - 12)),
        ("2024-01-15", Some(NOON_ISH - 36672)),
        ("2024-1-15 10:11:12", Some(NOON_ISH)),
        ("2024/01/15 10:11:12", Some(NOON_ISH)),
        ("2024-01-15T10:11:12.Z", Some(NOON_ISH)),
        ("2024-01-14T24:00:00", Some(NOON_ISH - 36672)),
        ("epoch", Some(0)),
        ("0001-01-01 (BC) 00:00:00", Some(-62_167_219_200)),
        ("1969-12-31T23:59:59Z", Some(-1)),
        ("--infinity", None),
        ("infinity Z", None),
        ("2024-02-30", None),
        ("2023-02-29", None),
        ("2024-13-01", None),
        ("2024-01-15T10", None),
        ("2024-01-15T10:11:60Z", None),
        ("2024-01-15T24:00:01", None),
        ("2024-01-15T10:11:12+2", None),
        ("2024-01-15T10:11:12+24:00", None),
        ("2024-01-15T10:11:12 Europe/Berlin", None),
        ("2024-01-15T10:11:12Zx", None),
        ("2024-01/15", None),
        ("20240115T101112Z", None),
        ("2024-W03-1", None),
        ("2024-015", None),
        ("1705313472", None),
        ("", None),
        ("é", None),
    ] {
        let got = pushed(Scalar::Text(text), &Type::TimestampTz).ok();
        assert_eq!(got, seconds.map(|s| (s * 1_000_000).to_string()), "{text}");
    }
}

#[test]
fn infinite_times_are_those_of_duckdb_and_no_part_of_a_key() {
    let (date, time) = (i32::MAX.to_string(), i64::MAX.to_string());
    for ty in [Type::Timestamp, Type::TimestampTz, Type::TimestampS, Type::TimestampMs, Type::TimestampNs] {
        assert_eq!(pushed(Scalar::Text("infinity"), &ty).ok().as_ref(), Some(&time), "{ty}");
        assert_eq!(pushed(Scalar::Text(" -Infinity"), &ty).ok(), Some(format!("-{time}")), "{ty}");
    }
    assert_eq!(pushed(Scalar::Text("infinity"), &Type::Date).ok().as_ref(), Some(&date));
    assert_eq!(pushed(Scalar::Text("-infinity"), &Type::Date).ok(), Some(format!("-{date}")));
    assert!(pushed(Scalar::Text("infinity"), &Type::Time).is_err());
    assert_eq!((utc_micros("infinity"), utc_nanos("-infinity")), (None, None));
}

#[test]
fn fractions_end_at_the_precision_of_the_type() {
    for (text, ty, expected) in [
        ("1970-01-01T00:00:00.123456789", Type::TimestampNs, "123456789"),
        ("1970-01-01T00:00:00.1234567899", Type::TimestampNs, "123456789"),
        ("1970-01-01T00:00:00.1234569", Type::Timestamp, "123456"),
        ("1970-01-01T00:00:00.9999", Type::TimestampMs, "1000"),
        ("1970-01-01T00:00:00.5", Type::TimestampS, "1"),
        ("1969-12-31T23:59:59.5", Type::TimestampS, "-1"),
        ("1969-12-31T23:59:59.9999995", Type::Timestamp, "-1"),
    ] {
        assert_eq!(pushed(Scalar::Text(text), &ty).as_deref(), Ok(expected), "{text} as {ty}");
    }
}

#[test]
fn numbers_are_epochs_in_the_unit_of_the_type() {
    let number = Scalar::Number;
    for (scalar, ty, expected) in [
        (number("1705313472"), Type::TimestampS, Some("1705313472")),
        (number("1705313472000"), Type::TimestampMs, Some("1705313472000")),
        (number("1705313472000000"), Type::Timestamp, Some("1705313472000000")),
        (number("1.7e15"), Type::TimestampTz, Some("1700000000000000")),
        (number("-1"), Type::TimestampNs, Some("-1")),
        (number("1705313472.5"), Type::TimestampS, Some("1705313472")),
        (Scalar::Int(5), Type::TimestampS, Some("5")),
        (Scalar::Float(1.5e9), Type::TimestampS, Some("1500000000")),
        (number("1e30"), Type::Timestamp, None),
        (Scalar::Bool(true), Type::Timestamp, None),
        (number("5"), Type::Date, None),
        (number("5"), Type::Time, None),
    ] {
        assert_eq!(pushed(scalar, &ty).ok().as_deref(), expected, "{scalar:?} as {ty}");
    }
}

#[test]
fn ranges_are_those_of_duckdb() {
    for (text, ty, expected) in [
        ("290309-12-22 (BC) 00:00:00", Type::Timestamp, Some("-9223372022400000000")),
        ("290309-12-21 (BC) 23:59:59", Type::Timestamp, None),
        ("294247-01-10 04:00:54.775806", Type::Timestamp, Some("9223372036854775806")),
        ("294247-01-10 04:00:54.775807", Type::Timestamp, None),
        ("294247-01-10 04:00:55", Type::TimestampS, None),
        ("1677-09-21", Type::TimestampNs, None),
        ("1677-09-22", Type::TimestampNs, Some("-9223286400000000000")),
        ("2262-04-11T23:47:16.854775806", Type::TimestampNs, Some("9223372036854775806")),
        ("2262-04-11T23:47:16.854775807", Type::TimestampNs, None),
        ("5881580-07-10", Type::Date, Some("2147483646")),
        ("5881580-07-11", Type::Date, None),
        ("5877642-06-25 (BC)", Type::Date, Some("-2147483646")),
        ("5877642-06-24 (BC)", Type::Date, None),
    ] {
        assert_eq!(pushed(Scalar::Text(text), &ty).ok().as_deref(), expected, "{text} as {ty}");
    }
}

#[test]
fn dates_and_times_are_taken_as_written() {
    for (text, ty, expected) in [
        ("2024-01-15", Type::Date, Some("19737")),
        ("2024-01-15T23:00:00-05:00", Type::Date, Some("19737")),
        ("1969-12-31", Type::Date, Some("-1")),
        ("10:11:12", Type::Time, Some("36672000000")),
        ("10:11:12.1234567", Type::Time, Some("36672123456")),
        ("10:11", Type::Time, Some("36660000000")),
        ("1:2:3", Type::Time, Some("3723000000")),
        ("24:00:00", Type::Time, Some("86400000000")),
        ("10:11:12+02", Type::Time, Some("36672000000")),
        ("10:11:12Z", Type::Time, Some("36672000000")),
        ("2024-01-15 10:11:12", Type::Time, Some("36672000000")),
        ("25:00:00", Type::Time, None),
        ("T10:11:12", Type::Time, None),
        ("2024-01-15", Type::Time, None),
        ("10", Type::Time, None),
    ] {
        assert_eq!(pushed(Scalar::Text(text), &ty).ok().as_deref(), expected, "{text} as {ty}");
    }
}

#[test]
fn instants_become_every_type() {
    let instant = Instant { seconds: NOON_ISH, nanos: 500_000_000 };
    for (ty, expected) in [
        (Type::TimestampNs, "1705313472500000000"),
        (Type::Timestamp, "1705313472500000"),
        (Type::TimestampS, "1705313473"),
        (Type::Date, "19737"),
        (Type::Time, "36672500000"),
        (Type::Varchar, "2024-01-15T10:11:12.5Z"),
        (Type::Json, "\"2024-01-15T10:11:12.5Z\""),
    ] {
        assert_eq!(pushed(Scalar::Timestamp(instant), &ty).as_deref(), Ok(expected), "{ty}");
    }
    assert!(pushed(Scalar::Timestamp(instant), &Type::Integer).is_err());
}

#[test]
fn the_calendar_goes_there_and_back() {
    for days in (-2_147_483_646i64..2_147_483_646).step_by(9_999_991).chain(-800_000..-700_000).chain(0..2000) {
        let (year, month, day) = date_from_days(days);
        assert_eq!(days_from_date(year, month, day), Some(days));
    }
    assert_eq!(date_from_days(19737), (2024, 1, 15));
}

#[test]
fn the_usual_spelling_is_read_as_every_other() {
    let texts = [
        "2024-01-15T10:11:12",
        "2024-01-15 10:11:12.5Z",
        "2024-02-29T23:59:59.123456789Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999999",
        "1969-12-31T23:59:59.000001Z",
        "2024-01-15T10:11:12.000000001",
    ];
    for text in texts {
        let (fixed, free) = (iso::written(text.as_bytes()), written_freely(text).ok());
        let parts = |w: Written| (w.days, w.time, w.offset);
        assert!(fixed.is_some(), "{text}");
        assert_eq!(fixed.map(parts), free.map(parts), "{text}");
    }
    for text in [
        "2024-01-15",
        "2024-01-15T10:11",
        "2024-1-15T10:11:12",
        "2024-01-15T24:00:00",
        "2024-02-30T10:11:12",
        "2024-01-15T10:11:60",
        "2024-01-15T10:11:12+02",
        "2024-01-15T10:11:12.",
        "2024-01-15T10:11:12.1234567890",
        "2024-01-15T10:11:1x",
        "2024-01-15T10:11:12 Z",
        "2024-01-15t10:11:12",
        "-024-01-15T10:11:12",
        "2024-01-15T10:11:12.1a",
    ] {
        assert!(iso::written(text.as_bytes()).is_none(), "{text}");
    }
    for day in [iso::YEARS.start, iso::YEARS.end - 1] {
        assert!((0..10_000).contains(&crate::calendar::date_from_days(day).0));
    }
    for day in [iso::YEARS.start - 1, iso::YEARS.end] {
        assert!(!(0..10_000).contains(&crate::calendar::date_from_days(day).0));
    }
}
