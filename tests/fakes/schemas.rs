//! What Discord says it takes: its own published schemas, in `schemas.json`.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

/// A body that the bot sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// A first answer with a message, or "thinking…".
    Callback,
    /// A first answer in the place of the message that was acted on.
    Replacement,
    /// A first answer with a form.
    Form,
    /// A first answer with suggestions.
    Suggestions,
    /// What replaces a first answer.
    Edit,
    /// A message in a channel.
    Message,
    /// A command that is registered.
    Command,
    /// The fields of one that change.
    CommandChange,
}

impl Body {
    const ALL: [(Self, &str); 8] = [
        (Self::Callback, "CreateMessageInteractionCallbackRequest"),
        (Self::Replacement, "UpdateMessageInteractionCallbackRequest"),
        (Self::Form, "ModalInteractionCallbackRequest"),
        (Self::Suggestions, "ApplicationCommandAutocompleteCallbackRequest"),
        (Self::Edit, "IncomingWebhookUpdateRequestPartial"),
        (Self::Message, "MessageCreateRequest"),
        (Self::Command, "ApplicationCommandCreateRequest"),
        (Self::CommandChange, "ApplicationCommandPatchRequestPartial"),
    ];

    /// Why Discord would refuse the body, if it would.
    pub(crate) fn problem(self, body: &Value) -> Option<String> {
        static VALIDATORS: LazyLock<Vec<(Body, Validator)>> = LazyLock::new(|| {
            let schemas: Value = serde_json::from_str(include_str!("schemas.json")).unwrap();
            let validator = |name| {
                let mut schema = schemas.clone();
                schema["$ref"] = json!(format!("#/$defs/{name}"));
                jsonschema::options().build(&schema).unwrap()
            };
            Body::ALL.map(|(body, name)| (body, validator(name))).into()
        });
        let (_, validator) = VALIDATORS.iter().find(|(body, _)| *body == self).unwrap();
        validator.iter_errors(body).next().map(|error| format!("at `{}`: {error}", error.instance_path()))
    }
}
