//! Where the schema comes from: the parameters of the format.

use crate::codec::arguments::{FormatArguments, FormatParameter};

/// The parameters of the format.
pub const PARAMETERS: &[FormatParameter] = &[
    FormatParameter::text("proto_file"),
    FormatParameter::text("proto_descriptor_set"),
    FormatParameter::list("proto_path"),
    FormatParameter::text("proto_message"),
];

impl SchemaSource {
    /// The source that the arguments of a call name.
    #[must_use]
    pub fn of(arguments: &FormatArguments) -> Self {
        let text = |name: &str| arguments.text(name).map(str::to_owned);
        Self {
            proto_file: text("proto_file"),
            proto_descriptor_set: text("proto_descriptor_set"),
            proto_path: arguments.texts("proto_path").to_vec(),
            proto_message: text("proto_message"),
        }
    }
}

/// Where the message type comes from: the parameters of the same names.
#[derive(Debug, Clone, Default)]
pub struct SchemaSource {
    /// The path of a `.proto` file. Its imports are looked for in `proto_path`, then beside it; `google/protobuf/*.proto`
    /// are built in.
    pub proto_file: Option<String>,
    /// The path of a serialized `google.protobuf.FileDescriptorSet`, instead of `proto_file`.
    pub proto_descriptor_set: Option<String>,
    /// Folders that imports are relative to.
    pub proto_path: Vec<String>,
    /// The message that payloads are, with or without its package.
    pub proto_message: Option<String>,
}
