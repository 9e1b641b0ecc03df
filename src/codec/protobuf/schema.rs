//! Message types in the form that payloads are read by: fields by number, kinds, defaults. Made once, at bind.

use std::collections::HashMap;

use protox::prost_reflect::{
    self as reflect, Cardinality, DescriptorPool, EnumDescriptor, ExtensionDescriptor, FieldDescriptor,
    MessageDescriptor,
};

use super::wire::Wire;

/// Every message and enum that a schema file and its imports define.
#[derive(Debug)]
pub(super) struct Schema {
    messages: Vec<Message>,
    enums: Vec<Enum>,
    by_name: HashMap<String, usize>,
}

/// A message type.
#[derive(Debug)]
pub(super) struct Message {
    pub full_name: String,
    /// Its fields as the schema declares them, in that order, then its extensions.
    pub fields: Vec<Field>,
    /// How many oneofs it has.
    pub oneofs: usize,
    /// The well-known type of Google that the message is.
    pub known: Option<Known>,
    by_number: Numbers,
}

/// A well-known type that is more than its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Timestamp,
    Duration,
    /// `google.protobuf.Int64Value` and the like: one field, `value`.
    Wrapper,
    Struct,
    Value,
    ListValue,
    Any,
}

/// A field of a message.
#[derive(Debug)]
pub(super) struct Field {
    /// The name; that of an extension is its full name in brackets, as in protobuf's JSON.
    pub name: String,
    pub is_extension: bool,
    pub kind: Kind,
    pub shape: Shape,
    pub absent: Absent,
    /// The oneof that it is a member of; not the one that stands behind `optional`.
    pub oneof: Option<usize>,
}

/// The kind of one value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub(super) enum Kind {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    String,
    Bytes,
    Enum(usize),
    /// By its position in the schema, also for a group.
    Message(usize),
}

/// How many values a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    One,
    List,
    /// A map; the field's kind is the message of its entries.
    Map,
}

/// The value of a field that is not on the wire.
#[derive(Debug)]
pub(super) enum Absent {
    /// It is not there: NULL.
    Null,
    /// This value: that of a field without presence, or the default that a proto2 schema declares.
    Default(Default),
    /// The message is not valid.
    Required,
}

/// A default as it would stand on the wire.
#[derive(Debug)]
pub(super) enum Default {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(Vec<u8>),
}

/// An enum type.
#[derive(Debug)]
pub(super) struct Enum {
    names: HashMap<i32, String>,
}

impl Schema {
    /// Every type of a pool.
    pub fn new(pool: &DescriptorPool) -> Self {
        let by_name: HashMap<String, usize> =
            pool.all_messages().enumerate().map(|(i, message)| (message.full_name().to_owned(), i)).collect();
        let enum_names: HashMap<String, usize> =
            pool.all_enums().enumerate().map(|(i, e)| (e.full_name().to_owned(), i)).collect();
        let place = Places { messages: &by_name, enums: &enum_names };
        let messages = pool.all_messages().map(|message| place.message(&message)).collect();
        let enums = pool.all_enums().map(|e| Enum::new(&e)).collect();
        Self { messages, enums, by_name }
    }

    /// A message by its position.
    pub fn message(&self, position: usize) -> &Message {
        &self.messages[position]
    }

    /// The position of a message by its full name.
    pub fn find(&self, full_name: &str) -> Option<usize> {
        self.by_name.get(full_name).copied()
    }

    /// The name of an enum's number; the first one when there are aliases.
    pub fn enum_name(&self, position: usize, number: i32) -> Option<&str> {
        self.enums.get(position)?.names.get(&number).map(String::as_str)
    }
}

impl Message {
    /// The position in [`Message::fields`] of a field by its number.
    #[inline]
    pub fn position(&self, number: u32) -> Option<usize> {
        match &self.by_number {
            Numbers::Dense(positions) => match *positions.get(number as usize)? {
                u16::MAX => None,
                position => Some(position.into()),
            },
            Numbers::Sparse(positions) => positions.get(&number).copied(),
        }
    }

    /// A field by its name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The name without the package.
    pub fn name(&self) -> &str {
        self.full_name.rsplit('.').next().unwrap_or_default()
    }
}

/// Positions of fields by number.
#[derive(Debug)]
enum Numbers {
    /// Small numbers: at the number stands the position, or `u16::MAX`.
    Dense(Vec<u16>),
    Sparse(HashMap<u32, usize>),
}

impl Numbers {
    fn new(numbers: &[u32]) -> Self {
        let highest = numbers.iter().max().copied().unwrap_or(0);
        if highest >= 1024 {
            return Numbers::Sparse(numbers.iter().enumerate().map(|(i, number)| (*number, i)).collect());
        }
        let mut positions = vec![u16::MAX; highest as usize + 1];
        for (i, number) in (0u16..).zip(numbers) {
            positions[*number as usize] = i;
        }
        Numbers::Dense(positions)
    }
}

impl Default {
    /// The value on the wire.
    pub fn wire(&self) -> Wire<'_> {
        match self {
            Default::Varint(v) => Wire::Varint(*v),
            Default::Fixed64(v) => Wire::Fixed64(*v),
            Default::Fixed32(v) => Wire::Fixed32(*v),
            Default::Bytes(v) => Wire::Bytes(v),
        }
    }
}

impl Enum {
    fn new(descriptor: &EnumDescriptor) -> Self {
        let mut names = HashMap::new();
        for value in &descriptor.enum_descriptor_proto().value {
            names.entry(value.number()).or_insert_with(|| value.name().to_owned());
        }
        Self { names }
    }
}

/// The positions of all types by full name.
struct Places<'a> {
    messages: &'a HashMap<String, usize>,
    enums: &'a HashMap<String, usize>,
}

impl Places<'_> {
    fn message(&self, descriptor: &MessageDescriptor) -> Message {
        // In the order of declaration; the descriptor's own list is sorted by number.
        let declared = descriptor.descriptor_proto().field.iter();
        let descriptors: Vec<FieldDescriptor> =
            declared.filter_map(|field| descriptor.get_field_by_name(field.name())).collect();
        let extensions: Vec<ExtensionDescriptor> = descriptor.extensions().collect();
        let numbers = descriptors.iter().map(FieldDescriptor::number);
        let numbers: Vec<u32> = numbers.chain(extensions.iter().map(ExtensionDescriptor::number)).collect();
        let oneofs = descriptor.oneofs().filter(|oneof| !oneof.is_synthetic());
        let oneofs: Vec<String> = oneofs.map(|oneof| oneof.full_name().to_owned()).collect();
        let in_entry = descriptor.is_map_entry();
        Message {
            full_name: descriptor.full_name().to_owned(),
            fields: descriptors
                .iter()
                .map(|field| self.field(field, &oneofs, in_entry))
                .chain(extensions.iter().map(|extension| self.extension(extension)))
                .collect(),
            oneofs: oneofs.len(),
            known: Known::of(descriptor.full_name()),
            by_number: Numbers::new(&numbers),
        }
    }

    fn field(&self, descriptor: &FieldDescriptor, oneofs: &[String], in_entry: bool) -> Field {
        let kind = self.kind(&descriptor.kind());
        let declared = descriptor.field_descriptor_proto().default_value.is_some();
        let scalar = !matches!(kind, Kind::Message(_));
        let absent = if descriptor.is_required() {
            Absent::Required
        } else if scalar && (in_entry || declared || !descriptor.supports_presence()) && !descriptor.is_list() {
            Absent::Default(default(kind, &descriptor.default_value()))
        } else {
            Absent::Null
        };
        let shape = match () {
            () if descriptor.is_map() => Shape::Map,
            () if descriptor.is_list() => Shape::List,
            () => Shape::One,
        };
        let oneof = descriptor.containing_oneof();
        let oneof = oneof.and_then(|oneof| oneofs.iter().position(|name| name == oneof.full_name()));
        Field { name: descriptor.name().to_owned(), is_extension: false, kind, shape, absent, oneof }
    }

    /// A field that stands outside of its message; it has presence.
    fn extension(&self, descriptor: &ExtensionDescriptor) -> Field {
        let kind = self.kind(&descriptor.kind());
        let is_list = descriptor.cardinality() == Cardinality::Repeated;
        let absent = if !is_list && descriptor.field_descriptor_proto().default_value.is_some() {
            Absent::Default(default(kind, &descriptor.default_value()))
        } else {
            Absent::Null
        };
        Field {
            name: format!("[{}]", descriptor.full_name()),
            is_extension: true,
            kind,
            shape: if is_list { Shape::List } else { Shape::One },
            absent,
            oneof: None,
        }
    }

    fn kind(&self, kind: &reflect::Kind) -> Kind {
        match kind {
            reflect::Kind::Double => Kind::Double,
            reflect::Kind::Float => Kind::Float,
            reflect::Kind::Int32 => Kind::Int32,
            reflect::Kind::Int64 => Kind::Int64,
            reflect::Kind::Uint32 => Kind::Uint32,
            reflect::Kind::Uint64 => Kind::Uint64,
            reflect::Kind::Sint32 => Kind::Sint32,
            reflect::Kind::Sint64 => Kind::Sint64,
            reflect::Kind::Fixed32 => Kind::Fixed32,
            reflect::Kind::Fixed64 => Kind::Fixed64,
            reflect::Kind::Sfixed32 => Kind::Sfixed32,
            reflect::Kind::Sfixed64 => Kind::Sfixed64,
            reflect::Kind::Bool => Kind::Bool,
            reflect::Kind::String => Kind::String,
            reflect::Kind::Bytes => Kind::Bytes,
            // A pool holds every type that its fields name.
            reflect::Kind::Message(m) => Kind::Message(self.messages.get(m.full_name()).copied().unwrap_or_default()),
            reflect::Kind::Enum(e) => Kind::Enum(self.enums.get(e.full_name()).copied().unwrap_or_default()),
        }
    }
}

impl Known {
    fn of(full_name: &str) -> Option<Self> {
        Some(match full_name.strip_prefix("google.protobuf.")? {
            "Timestamp" => Known::Timestamp,
            "Duration" => Known::Duration,
            "DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value" | "UInt32Value"
            | "BoolValue" | "StringValue" | "BytesValue" => Known::Wrapper,
            "Struct" => Known::Struct,
            "Value" => Known::Value,
            "ListValue" => Known::ListValue,
            "Any" => Known::Any,
            _ => return None,
        })
    }
}

/// A value as a field of a kind has it on the wire.
fn default(kind: Kind, value: &reflect::Value) -> Default {
    let signed = |v: i64| v.cast_unsigned();
    match (kind, value) {
        (Kind::Double, reflect::Value::F64(v)) => Default::Fixed64(v.to_bits()),
        (Kind::Float, reflect::Value::F32(v)) => Default::Fixed32(v.to_bits()),
        (Kind::Fixed32, reflect::Value::U32(v)) => Default::Fixed32(*v),
        (Kind::Sfixed32, reflect::Value::I32(v)) => Default::Fixed32(v.cast_unsigned()),
        (Kind::Fixed64, reflect::Value::U64(v)) => Default::Fixed64(*v),
        (Kind::Sfixed64, reflect::Value::I64(v)) => Default::Fixed64(signed(*v)),
        (Kind::Sint32, reflect::Value::I32(v)) => Default::Varint(signed(i64::from(*v << 1 ^ *v >> 31)) & 0xffff_ffff),
        (Kind::Sint64, reflect::Value::I64(v)) => Default::Varint(signed(*v << 1 ^ *v >> 63)),
        (_, reflect::Value::Bool(v)) => Default::Varint(u64::from(*v)),
        (_, reflect::Value::I32(v) | reflect::Value::EnumNumber(v)) => Default::Varint(signed(i64::from(*v))),
        (_, reflect::Value::I64(v)) => Default::Varint(signed(*v)),
        (_, reflect::Value::U32(v)) => Default::Varint(u64::from(*v)),
        (_, reflect::Value::U64(v)) => Default::Varint(*v),
        (_, reflect::Value::String(v)) => Default::Bytes(v.as_bytes().to_vec()),
        (_, reflect::Value::Bytes(v)) => Default::Bytes(v.to_vec()),
        // No other value is the default of a scalar.
        _ => Default::Varint(0),
    }
}
