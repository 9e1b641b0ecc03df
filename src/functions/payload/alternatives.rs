//! The codec of columns, of which some have alternatives.

use super::typed::TypedColumn;
use super::unnest::{self, MakeCodec};
use crate::codec::key::KeyText;
use crate::codec::path::Wanted;
use crate::codec::{Alternatives, Choice, Codec, Unnest};
use crate::error::Result;

/// The codec, and the names of its columns but for those of texts. The first paths of all columns stand in front, then the
/// others.
pub(super) fn codec(
    unnest: Option<&Unnest>,
    columns: &[TypedColumn],
    texts: &[KeyText],
    make: MakeCodec<'_>,
) -> Result<(Box<dyn Codec>, Vec<String>)> {
    let mut wanted = Wanted { texts: texts.iter().map(|text| text.path.clone()).collect(), ..Wanted::default() };
    wanted.columns = columns.iter().map(|column| (column.path.clone(), column.ty.clone())).collect();
    let mut shown = Vec::new();
    let mut is_plain = true;
    for (at, column) in columns.iter().enumerate() {
        let mut places = vec![at];
        for path in &column.others {
            places.push(wanted.columns.len());
            wanted.columns.push((path.clone(), column.ty.clone()));
        }
        if places.len() > 1 {
            // Where one version has an object, another one may have its value.
            wanted.lenient.extend(&places);
        }
        is_plain &= places.len() == 1 && column.version.is_none();
        shown.push((column.name(), Choice::Value(places.clone())));
        shown.extend(column.version.iter().map(|name| (name.clone(), Choice::Version(places.clone()))));
    }
    let names = shown.iter().map(|(name, _)| name.clone()).collect();
    let behind = wanted.columns.len();
    let may_miss = texts.iter().enumerate().filter(|(_, text)| text.may_miss);
    wanted.lenient.extend(may_miss.map(|(at, _)| behind + at));
    let codec = unnest::codec(unnest, wanted, make)?;
    if is_plain {
        return Ok((codec, names));
    }
    shown
        .extend(texts.iter().enumerate().map(|(at, text)| (text.path.column_name(), Choice::Value(vec![behind + at]))));
    Ok((Box::new(Alternatives::new(codec, shown)), names))
}
