//! The text of a type becomes a [`Type`], by DuckDB's own grammar.
//!
//! The C API has no parser for types, so a private in-memory database says what `CAST(NULL AS <type>)` is. It is ours
//! alone, closed before the call returns, and may touch neither files nor network, so the text of a type cannot do what
//! the user's own database forbids.

use std::cell::UnsafeCell;
use std::ffi::CStr;

use libduckdb_sys as duckdb;

use super::logical::{Logical, read};
use crate::column::Type;
use crate::error::{Error, Result};
use crate::ffi::contain::c_text;

/// The statement that makes BASE64 a type. A name for BLOB would not do: DuckDB forgets the name when it casts to the type.
const BASE64: &str = "CREATE TYPE BASE64 AS UNION(\"nats_js: base64 text\" BLOB)";

/// Reads the texts of types, such as `DECIMAL(18,2)`, `int8`, `STRUCT(a INTEGER, b VARCHAR[])`. Beside DuckDB's own,
/// `BASE64` is a BLOB that documents hold as base64 text.
pub(super) fn parse_types(texts: &[&str]) -> Result<Vec<Type>> {
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    let database = Private::open()?;
    texts.iter().map(|text| database.parse(text)).collect()
}

struct Private {
    database: duckdb::duckdb_database,
    connection: duckdb::duckdb_connection,
}

impl Drop for Private {
    fn drop(&mut self) {
        // SAFETY: both handles are ours and are closed once; closing a null handle does nothing.
        unsafe {
            duckdb::duckdb_disconnect(&raw mut self.connection);
            duckdb::duckdb_close(&raw mut self.database);
        }
    }
}

impl Private {
    fn open() -> Result<Self> {
        let mut private = Self { database: std::ptr::null_mut(), connection: std::ptr::null_mut() };
        let settings = [(c"threads", c"1"), (c"enable_external_access", c"false")];
        // SAFETY: every handle is ours, and every text a NUL-terminated constant; the configuration is copied by `open`.
        let opened = unsafe {
            let mut config: duckdb::duckdb_config = std::ptr::null_mut();
            let mut state = duckdb::duckdb_create_config(&raw mut config);
            for (name, value) in settings {
                if state == duckdb::DuckDBSuccess {
                    state = duckdb::duckdb_set_config(config, name.as_ptr(), value.as_ptr());
                }
            }
            if state == duckdb::DuckDBSuccess {
                let database = &raw mut private.database;
                state = duckdb::duckdb_open_ext(c":memory:".as_ptr(), database, config, std::ptr::null_mut());
            }
            duckdb::duckdb_destroy_config(&raw mut config);
            state == duckdb::DuckDBSuccess
                && duckdb::duckdb_connect(private.database, &raw mut private.connection) == duckdb::DuckDBSuccess
        };
        let ready = opened && private.query(BASE64).is_ok();
        if ready { Ok(private) } else { Err(Error::new("cannot open a private database to read a type")) }
    }

    fn parse(&self, text: &str) -> Result<Type> {
        let fault = |why: &str| {
            Error::new(format!("'{text}' is not a type: {why}"))
                .advice("write a DuckDB type, such as BIGINT, DECIMAL(18,2), VARCHAR[] or STRUCT(a INTEGER, b VARCHAR)")
        };
        if !is_closed(text) {
            return Err(fault("its parentheses or quotes do not match"));
        }
        let result = self.query(&format!("SELECT CAST(NULL AS {text})")).map_err(|why| fault(&why))?;
        // SAFETY: the result is live and has the one column that was asked for; the type is ours to destroy.
        let logical = Logical(unsafe { duckdb::duckdb_column_logical_type(result.pointer(), 0) });
        read(&logical).map_err(fault)
    }

    fn query(&self, sql: &str) -> std::result::Result<Answer, String> {
        let sql = c_text(sql);
        let answer = Answer(UnsafeCell::new(empty_result()));
        // SAFETY: the connection is live, the text outlives the call, and the result is destroyed by `Answer`.
        unsafe {
            if duckdb::duckdb_query(self.connection, sql.as_ptr(), answer.pointer()) == duckdb::DuckDBSuccess {
                return Ok(answer);
            }
            let error = duckdb::duckdb_result_error(answer.pointer());
            if error.is_null() {
                return Err("it cannot be read".into());
            }
            let text = CStr::from_ptr(error).to_string_lossy();
            Err(text.lines().next().unwrap_or_default().to_owned())
        }
    }
}

/// A result; the C API takes it by mutable pointer also where it only reads.
struct Answer(UnsafeCell<duckdb::duckdb_result>);

impl Answer {
    fn pointer(&self) -> *mut duckdb::duckdb_result {
        self.0.get()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: the result is ours and is destroyed once.
        unsafe { duckdb::duckdb_destroy_result(self.pointer()) };
    }
}

fn empty_result() -> duckdb::duckdb_result {
    // SAFETY: a plain C struct of numbers and pointers, all zero before the query fills it.
    unsafe { std::mem::zeroed() }
}

/// Whether the text ends inside the parenthesis that it is put into: every parenthesis that it closes it has opened, no
/// quote is left open, and it holds no end of a statement and no comment.
fn is_closed(text: &str) -> bool {
    let mut depth = 0_u32;
    let mut quote: Option<char> = None;
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') if depth == 0 => return false,
            (None, ')') => depth -= 1,
            (None, ';') => return false,
            _ => {}
        }
    }
    quote.is_none() && depth == 0 && !text.trim().is_empty() && !text.contains("--") && !text.contains("/*")
}

#[cfg(test)]
mod tests {
    use super::is_closed;

    #[test]
    fn a_type_cannot_leave_its_parenthesis() {
        for good in ["INTEGER", "DECIMAL(18,2)", "STRUCT(\"a)\" INTEGER)", "ENUM('a', ')')", "VARCHAR[]"] {
            assert!(is_closed(good), "{good}");
        }
        for bad in ["", " ", "INTEGER), (1", "INT; DROP", "(", "'", "\"", "INT -- x", "INT /* x"] {
            assert!(!is_closed(bad), "{bad}");
        }
    }
}
