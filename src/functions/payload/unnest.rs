//! `unnest := 'items'`: a row for each element of a list in the payload; `format := 'ndjson'`: one for each line.

use crate::codec::path::{Path, Wanted};
use crate::codec::{Codec, FORMATS, FormatArguments, Infer, PayloadFormat, Side, Unnest, UnnestCodec};
use crate::column::Type;
use crate::error::{Error, Result};
use crate::value::{Arguments, Value};

/// Makes a codec of columns: of whole payloads, or of the elements of the list at a path.
pub(super) type MakeCodec<'a> = &'a dyn Fn(Option<&Path>, Wanted) -> Result<Box<dyn Codec>>;

/// Reads how a message is taken apart, when its rows are parts of its payload.
pub(super) fn read(arguments: &Arguments, format: &PayloadFormat, schema: &FormatArguments) -> Result<Option<Unnest>> {
    let Some(path) = arguments.text("unnest")? else {
        return Ok(format.lines.map(|cut| Unnest { cut: cut(), path: Path::root(), is_lines: true }));
    };
    let fail = |why: String| Error::new(format!("unnest: {why}"));
    let lists = Path::parse(path).map_err(|error| fail(error.to_string()))?;
    if arguments.find("proto_extract").is_some() || format.elements.is_none() {
        let names: Vec<String> =
            FORMATS.iter().filter(|known| known.elements.is_some()).map(|known| format!("'{}'", known.name)).collect();
        let taken = format!("the elements of format {} alone are taken apart", names.join(", "));
        return Err(fail(taken).advice("read the list as a column of a LIST, and write unnest(items) in the SELECT"));
    }
    if arguments.find("json_extract").is_some() && format.name != FORMATS[0].name {
        return Err(fail(format!("json_extract reads JSON, and format is '{}'", format.name))
            .advice("give the paths to columns, with their types"));
    }
    if lists.lists() > 0 || lists.of_element().is_some() {
        return Err(fail(format!("'{path}' must name one list, without [*] and []")));
    }
    if !format.parameters.is_empty() && matches!(arguments.find("columns"), Some(Value::Text(_))) {
        // A sample of elements does not tell the schema that they are read by.
        return Err(Error::new(format!("columns := 'auto' and unnest do not go together in format '{}'", format.name))
            .advice("name the columns, with their types"));
    }
    let Some(elements) = format.elements else { return Ok(None) };
    let cut = elements(schema, &lists)?;
    Ok(Some(Unnest { cut, path: lists, is_lines: false }))
}

/// The codec of columns, some of which may be read from the element of the row.
pub(super) fn codec(unnest: Option<&Unnest>, wanted: Wanted, make: MakeCodec<'_>) -> Result<Box<dyn Codec>> {
    let Some(unnest) = unnest else {
        let of_element = wanted.paths().find_map(Path::of_element);
        return match of_element {
            None => make(None, wanted),
            Some((list, _)) => Err(Error::new(format!("'{list}[]' is an element of a list that is not unnested"))
                .advice(format!("write unnest := '{list}' for a row an element, or [*] for a LIST of all"))),
        };
    };
    let (mut part, mut whole) = (Sided::default(), Sided::default());
    let mut named = Vec::new();
    let typed = wanted.columns.into_iter().map(|(path, ty)| (path, Some(ty)));
    for (at, (path, ty)) in typed.chain(wanted.texts.into_iter().map(|path| (path, None))).enumerate() {
        let (in_part, place) = side(unnest, &path, ty, (&mut part, &mut whole))?;
        if wanted.lenient.contains(&at) {
            if in_part { &mut part } else { &mut whole }.lenient.push(place);
        }
        named.push((path.column_name(), (in_part, place)));
    }
    part.place_lenient();
    whole.place_lenient();
    let named = named.into_iter().map(|(name, (in_part, (is_text, at)))| {
        let of = if in_part { &part } else { &whole };
        let at = of.position((is_text, at));
        (name, if in_part { Side::Part(at) } else { Side::Whole(at) })
    });
    let named = named.collect();
    let place = if unnest.is_lines { String::new() } else { unnest.element(&Path::root()).to_string() };
    Ok(Box::new(UnnestCodec::new(make(Some(&unnest.path), part.wanted)?, make(None, whole.wanted)?, place, named)))
}

/// The columns of one side: those of the whole document, or those of the element.
#[derive(Default)]
struct Sided {
    wanted: Wanted,
    /// Those that may lead to nothing.
    lenient: Vec<(bool, usize)>,
}

impl Sided {
    /// The position among all columns of the codec, once all are known.
    fn position(&self, (is_text, at): (bool, usize)) -> usize {
        if is_text { self.wanted.columns.len() + at } else { at }
    }

    fn place_lenient(&mut self) {
        self.wanted.lenient = self.lenient.iter().map(|place| self.position(*place)).collect();
    }

    /// Adds a column, or a text; whether it is a text, and its position among the columns or the texts.
    fn add(&mut self, path: Path, ty: Option<Type>) -> (bool, usize) {
        match ty {
            Some(ty) => {
                self.wanted.columns.push((path, ty));
                (false, self.wanted.columns.len() - 1)
            }
            None => {
                self.wanted.texts.push(path);
                (true, self.wanted.texts.len() - 1)
            }
        }
    }
}

/// Puts a path on its side.
fn side(
    unnest: &Unnest,
    path: &Path,
    ty: Option<Type>,
    (part, whole): (&mut Sided, &mut Sided),
) -> Result<(bool, (bool, usize))> {
    match path.of_element() {
        None if unnest.is_lines => Ok((true, part.add(path.clone(), ty))),
        None => Ok((false, whole.add(path.clone(), ty))),
        Some((list, element)) if list == unnest.path && element.of_element().is_none() && !unnest.is_lines => {
            Ok((true, part.add(element, ty)))
        }
        Some(_) if unnest.is_lines => {
            Err(Error::new(format!("'{path}': each line is a document of its own, and has no element []")))
        }
        Some(_) => Err(Error::new(format!("'{path}' is no element of '{}', which is unnested", unnest.path))
            .advice(format!("write '{}[]' for the element of a row", unnest.path))),
    }
}

/// The columns of a sample of payloads: those of the documents without the list, then those of its elements.
pub(super) fn infer(unnest: &Unnest, infer: Infer, payloads: &[&[u8]]) -> Result<Vec<(Path, Type)>> {
    let parts = |payload: &&'_ [u8]| (unnest.cut)(payload, &unnest.path).unwrap_or_default().places;
    let elements: Vec<&[u8]> =
        payloads.iter().flat_map(|payload| parts(payload).into_iter().filter_map(|part| payload.get(part))).collect();
    if unnest.is_lines {
        return infer(&mut elements.iter().copied());
    }
    let around = infer(&mut payloads.iter().copied()).unwrap_or_default();
    let mut columns: Vec<(Path, Type)> = around.into_iter().filter(|(path, _)| *path != unnest.path).collect();
    let of_elements = infer(&mut elements.iter().copied()).unwrap_or_default();
    let is_document = of_elements.is_empty() && !elements.is_empty();
    columns.extend(of_elements.into_iter().map(|(path, ty)| (unnest.element(&path), ty)));
    if is_document {
        columns.push((unnest.element(&Path::root()), Type::Json));
    }
    if columns.is_empty() {
        return Err(Error::new("no columns can be inferred, as no payload of the sample is an object")
            .advice("name the columns"));
    }
    Ok(columns)
}
