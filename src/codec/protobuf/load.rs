//! From files to a schema: `.proto` sources, read without protoc, or a set of descriptors that protoc has written.

use std::path::{Path, PathBuf};

use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver};
use protox::prost::Message as _;
use protox::prost_reflect::prost_types::FileDescriptorSet;
use protox::prost_reflect::{DescriptorPool, FileDescriptor, MessageDescriptor};

use super::editions;
use super::schema::Schema;
use super::source::SchemaSource;
use crate::error::{Error, Result};

/// The definitions of the files, before the message is chosen.
pub(super) struct Loaded {
    pub pool: DescriptorPool,
    /// The `.proto` file itself, among those that it imports; None for a descriptor set.
    own: Option<FileDescriptor>,
    path: String,
}

/// Reads the files that a source names.
fn load(source: &SchemaSource) -> Result<Loaded> {
    match (&source.proto_file, &source.proto_descriptor_set) {
        (Some(file), None) => {
            let fail = |why: String| Error::new(format!("Failed to import protobuf schema file: {file}: {why}"));
            let (pool, own) = compile(file, &source.proto_path).map_err(fail)?;
            Ok(Loaded { pool, own, path: file.clone() })
        }
        (None, Some(set)) => {
            let fail = |why: String| Error::new(format!("Failed to import protobuf descriptor set: {set}: {why}"));
            if !source.proto_path.is_empty() {
                return Err(Error::new("proto_path is for proto_file; proto_descriptor_set holds its imports"));
            }
            Ok(Loaded { pool: descriptors(set).map_err(fail)?, own: None, path: set.clone() })
        }
        (Some(_), Some(_)) => Err(Error::new("Cannot use both proto_file and proto_descriptor_set")),
        (None, None) => Err(Error::new("format 'protobuf' needs proto_file or proto_descriptor_set")),
    }
}

/// The schema that a source names, and the full name of its message.
pub(super) fn load_message(source: &SchemaSource) -> Result<(Loaded, String)> {
    let loaded = load(source)?;
    let name = source.proto_message.as_ref().ok_or_else(|| Error::new("format 'protobuf' needs proto_message"))?;
    let full_name = loaded.message(name)?;
    Ok((loaded, full_name))
}

/// The same, compiled for reading, and the position of the message in it.
pub(super) fn load_schema(source: &SchemaSource) -> Result<(Schema, usize)> {
    let (loaded, name) = load_message(source)?;
    let schema = Schema::new(&loaded.pool);
    let message = schema.find(&name).ok_or_else(|| Error::new(format!("Message type '{name}' is lost")))?;
    Ok((schema, message))
}

/// Compiles the text of a `.proto` file; its imports are among these texts, or in these folders.
///
/// # Errors
/// The text is no schema, or an import of it is not there.
pub(super) fn load_text(
    own: &Text,
    imports: impl Iterator<Item = Text>,
    folders: &[String],
) -> std::result::Result<Loaded, String> {
    let Text { name, text } = own;
    let mut resolver = ChainFileResolver::new();
    resolver.add(own.clone());
    imports.for_each(|import| resolver.add(import));
    folders.iter().for_each(|folder| resolver.add(IncludeFileResolver::new(folder.into())));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).open_file(name).map_err(|error| {
        let own = edition(text).filter(|_| error.is_parse() && error.file() == Some(name.as_str()));
        own.map_or_else(|| explain(&error), |edition| unknown_edition(name, edition))
    })?;
    let pool = compiler.descriptor_pool();
    Ok(Loaded { own: pool.get_file_by_name(name), pool, path: name.to_owned() })
}

/// A file that is a text. Errors call it by its name, and other files import it by that.
#[derive(Clone)]
pub(super) struct Text {
    pub name: String,
    pub text: String,
}

impl FileResolver for Text {
    fn resolve_path(&self, path: &Path) -> Option<String> {
        (path == Path::new(&self.name)).then(|| self.name.clone())
    }

    fn open_file(&self, name: &str) -> std::result::Result<File, protox::Error> {
        if name == self.name { File::from_source(name, &self.text) } else { Err(protox::Error::file_not_found(name)) }
    }
}

impl Loaded {
    /// The full name of a message by its position, from 0, among those of the file, and from there on among those that stand
    /// in the one before. Messages that stand for the entries of maps are counted where the text has them as messages: the serializers of
    /// Confluent count what is in the text, and register the text of a descriptor with such messages, that of a file without.
    pub fn message_at(&self, indexes: &[usize]) -> Option<String> {
        let (first, inner) = indexes.split_first()?;
        let mut message = self.own.as_ref()?.messages().nth(*first)?;
        for index in inner {
            let child = message.child_messages().filter(is_written).nth(*index)?;
            message = child;
        }
        Some(message.full_name().to_owned())
    }

    /// The full name of a message by its name, with or without the package and the messages around it.
    ///
    /// A full name comes first, then a name in the package of the `.proto` file, then any message whose full name ends
    /// so.
    ///
    /// # Errors
    /// No such message, or several.
    pub fn message(&self, name: &str) -> Result<String> {
        let wanted = name.strip_prefix('.').unwrap_or(name);
        let exists = |name: &str| self.messages().any(|message| message.full_name() == name);
        if exists(wanted) {
            return Ok(wanted.to_owned());
        }
        if let Some(own) = &self.own {
            let in_package = format!("{}.{wanted}", own.package_name());
            if exists(&in_package) {
                return Ok(in_package);
            }
        }
        let ending = format!(".{wanted}");
        let ends_so = self.messages().filter(|message| message.full_name().ends_with(&ending));
        let mut candidates: Vec<String> = ends_so.map(|message| message.full_name().to_owned()).collect();
        candidates.sort_unstable();
        match candidates.as_slice() {
            [] => Err(self.not_found(name)),
            [only] => Ok(only.clone()),
            several => {
                Err(Error::new(format!("Message type '{name}' is ambiguous in {}: {}", self.path, several.join(", ")))
                    .advice("give proto_message with its package"))
            }
        }
    }

    fn not_found(&self, name: &str) -> Error {
        let error = Error::new(format!("Message type '{name}' not found in {}", self.path));
        let own = self.messages().filter(|message| message.package_name() != "google.protobuf");
        let mut names: Vec<String> = own.map(|message| message.full_name().to_owned()).collect();
        names.sort_unstable();
        match names.as_slice() {
            [] => error.advice("it defines no message"),
            names if names.len() <= 20 => error.advice(format!("it defines {}", names.join(", "))),
            names => error.advice(format!("it defines {} message types", names.len())),
        }
    }

    /// The messages that a schema's author wrote: not those that stand for the entries of maps.
    fn messages(&self) -> impl Iterator<Item = MessageDescriptor> {
        self.pool.all_messages().filter(|message| !message.is_map_entry())
    }
}

/// Whether a message is in the text of its file: the one that stands for the entries of a `map<K, V>` is not, and has no place there.
fn is_written(message: &MessageDescriptor) -> bool {
    let file = message.parent_file();
    let places = file.file_descriptor_proto().source_code_info.as_ref();
    !message.is_map_entry() || places.is_some_and(|places| places.location.iter().any(|at| at.path == message.path()))
}

/// Compiles a `.proto` file and its imports; gives the file itself as well.
fn compile(file: &str, proto_path: &[String]) -> std::result::Result<(DescriptorPool, Option<FileDescriptor>), String> {
    let path = Path::new(file);
    if let Err(error) = std::fs::metadata(path) {
        return Err(error.to_string());
    }
    let beside = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let name = |include: &Path| path.strip_prefix(include).ok().map(|rest| include.join(rest));
    let includes: Vec<PathBuf> = proto_path.iter().map(PathBuf::from).chain([beside.clone()]).collect();
    // A path that lies under none of the includes as it is spelled is at least under its own folder.
    let inside = includes.iter().find_map(|include| name(include));
    let open = inside.or_else(|| path.file_name().map(|name| beside.join(name))).unwrap_or_else(|| path.to_owned());
    let mut compiler = protox::Compiler::new(&includes).map_err(|error| explain(&error))?;
    compiler.include_imports(true).open_file(open).map_err(|error| match edition_at_fault(&error, &includes) {
        Some((file, edition)) => unknown_edition(&file, &edition),
        None => explain(&error),
    })?;
    let own = compiler.files().find(|file| !file.is_import());
    let pool = compiler.descriptor_pool();
    let own = own.and_then(|own| pool.get_file_by_name(own.name()));
    Ok((pool, own))
}

/// The compiler's words, with file, line and column, on one line.
fn explain(error: &protox::Error) -> String {
    let text = format!("{error:?}");
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let advice = if error.is_file_not_found() { "; name the folder that it is relative to in proto_path" } else { "" };
    format!("{line}{advice}")
}

/// The file that the compiler could not read, and its edition, when it declares one instead of a syntax.
fn edition_at_fault(error: &protox::Error, includes: &[PathBuf]) -> Option<(String, String)> {
    let file = error.file().filter(|_| error.is_parse())?;
    let text = includes.iter().find_map(|include| std::fs::read_to_string(include.join(file)).ok())?;
    Some((file.to_owned(), edition(&text)?.to_owned()))
}

/// The edition that the first statement of a `.proto` file declares.
fn edition(text: &str) -> Option<&str> {
    let mut rest = text.trim_start();
    loop {
        rest = match (rest.strip_prefix("//"), rest.strip_prefix("/*")) {
            (Some(line), _) => line.split_once('\n')?.1,
            (_, Some(block)) => block.split_once("*/")?.1,
            (None, None) => break,
        }
        .trim_start();
    }
    let value = rest.strip_prefix("edition")?.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value.get(1..)?.split(quote).next()
}

/// The error for a file in an edition: <https://protobuf.dev/editions/overview/>. In a set of descriptors it is read.
fn unknown_edition(file: &str, edition: &str) -> String {
    format!(
        "'{file}' is written in edition {edition}, and as text only syntax proto2 and proto3 are read; \
         protoc --include_imports --descriptor_set_out=FILE makes a set of it, for proto_descriptor_set"
    )
}

/// Reads a set of descriptors; the well-known types that it imports may be left out.
fn descriptors(path: &str) -> std::result::Result<DescriptorPool, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let mut set = FileDescriptorSet::decode(bytes.as_slice())
        .map_err(|error| format!("not a serialized google.protobuf.FileDescriptorSet: {error}"))?;
    if set.file.is_empty() {
        return Err("it holds no file".to_owned());
    }
    editions::lower(&mut set, &bytes)?;
    let google = GoogleFileResolver::new();
    let mut next = 0;
    while let Some(file) = set.file.get(next) {
        let missing = |name: &&String| set.file.iter().all(|file| file.name() != name.as_str());
        let missing: Vec<String> = file.dependency.iter().filter(missing).cloned().collect();
        let known = missing.iter().filter_map(|name| google.open_file(name).ok());
        set.file.extend(known.map(|file| file.file_descriptor_proto().clone()).collect::<Vec<_>>());
        next += 1;
    }
    DescriptorPool::from_file_descriptor_set(set).map_err(|error| error.to_string())
}
