//! The walk through one document along the trie of wanted paths reads each byte once: a wanted value goes from the text into
//! its column's buffer, and other values are passed over.

use serde::de::DeserializeSeed;

use super::cursor::{Cursor, Token};
use super::error::JsonError;
use super::values::{JsonValues, push};
use crate::codec::document::{Context, Elements, Fill, LastElements, Node, Order, Seen, Slot};
use crate::codec::scalar::{Scalar, describe};
use crate::column::{Buffer, Type};

/// Reads the wanted parts of a document.
pub(super) struct Walk<'a, 'de> {
    pub cursor: Cursor<'de>,
    /// All outputs; each node writes its own.
    pub out: &'a mut [Buffer],
    pub context: &'a Context<'a>,
}

impl<'de> Walk<'_, 'de> {
    /// Reads the value that stands at a node.
    pub fn value(&mut self, node: &Node) -> Result<(), JsonError> {
        match node.targets.as_slice() {
            [] => self.below(node),
            [output] if !node.has_children() => self.fill(*output),
            _ => {
                let token = self.cursor.value()?;
                self.value_of(token, node)
            }
        }
    }

    /// Reads the value that stands next into a column.
    fn fill(&mut self, output: usize) -> Result<(), JsonError> {
        let Self { cursor, out, context } = self;
        let (Some(buffer), Some(ty)) = (out.get_mut(output), context.types.get(output)) else { return cursor.skip() };
        match ty {
            Type::List(_) | Type::Struct(_) | Type::Map(..) => {
                Fill::<JsonValues>::new(ty, buffer, context).deserialize(cursor)
            }
            _ => push(cursor.value()?, Slot { ty, buffer, context }),
        }
    }

    /// Reads a value that was taken into a column.
    fn fill_from(&mut self, token: Token<'de>, output: usize) -> Result<(), JsonError> {
        let (Some(buffer), Some(ty)) = (self.out.get_mut(output), self.context.types.get(output)) else {
            return Ok(());
        };
        match ty {
            Type::List(_) | Type::Struct(_) | Type::Map(..) => {
                let filled = Fill::<JsonValues>::new(ty, buffer, self.context).deserialize(token);
                filled.map_err(|fault| self.of_part(fault, token))
            }
            _ => push(token, Slot { ty, buffer, context: self.context }),
        }
    }

    /// Reads the wanted parts of a value that was taken.
    fn again(&mut self, token: Token<'de>, node: &Node) -> Result<(), JsonError> {
        match token {
            Token::Nested(text) => {
                let mut inside = Walk { cursor: Cursor::new(text), out: &mut *self.out, context: self.context };
                inside.below(node).map_err(|fault| self.of_part(fault, token))
            }
            token => self.scalar(token, node),
        }
    }

    /// The fault of a value that was taken, without its position in the document, which is lost by then.
    fn of_part(&self, fault: JsonError, token: Token<'_>) -> JsonError {
        let cause = match token {
            Token::Nested(text) => fault.explain(text),
            _ => fault.to_string(),
        };
        self.context.fail_unless_noted(format!("malformed JSON: {cause}"))
    }

    /// Steps into the value that stands next.
    fn below(&mut self, node: &Node) -> Result<(), JsonError> {
        match self.cursor.peek() {
            Some(b'{') => self.object(node),
            Some(b'[') => self.list(node),
            _ => {
                let token = self.cursor.value()?;
                self.scalar(token, node)
            }
        }
    }

    fn object(&mut self, node: &Node) -> Result<(), JsonError> {
        if node.keys().is_empty() {
            self.cursor.skip()?;
            return self.conversion_error_if_strict("an object", node);
        }
        let mut order = node.order.take();
        let outcome = self.members(node, &mut order);
        node.order.set(order);
        outcome
    }

    fn members(&mut self, node: &Node, order: &mut Order) -> Result<(), JsonError> {
        let (keys, context) = (node.keys(), self.context);
        let mut seen = Seen::new(keys.len());
        let mut place = 0;
        let mut more = self.cursor.enter(b'}')?;
        while more {
            let found = match order.follow(self.cursor.rest(), &mut place) {
                Some((length, found)) => {
                    self.cursor.advance(length);
                    found
                }
                None => self.key(node, order, &mut place)?,
            };
            match found.and_then(|position| Some((position, keys.get(position)?))) {
                None => self.cursor.skip()?,
                Some((position, (key, child))) => {
                    if seen.insert(position) {
                        self.value(child).inspect_err(|_| context.under_key(key))?;
                    } else if context.is_strict() {
                        return Err(context.fail(format!("the object has the key '{key}' twice")));
                    } else {
                        self.cursor.skip()?;
                    }
                }
            }
            more = self.cursor.another(b'}')?;
        }
        self.cursor.leave();
        Ok(())
    }

    /// Reads a key that differs from the one at this place in the last object, and remembers it.
    fn key(&mut self, node: &Node, order: &mut Order, place: &mut usize) -> Result<Option<usize>, JsonError> {
        self.cursor.peek();
        let written = self.cursor.rest();
        let found = match self.cursor.string()? {
            Token::Escaped(raw) => node.find(&super::read::unescape(raw)?),
            Token::Text(key) => node.find(key),
            _ => None,
        };
        self.cursor.pass(b':')?;
        let length = written.len() - self.cursor.rest().len();
        order.learn(written.get(..length).unwrap_or_default(), found, place);
        Ok(found)
    }

    fn list(&mut self, node: &Node) -> Result<(), JsonError> {
        if node.needs_all_elements() {
            let mut elements = node.all().map(|all| Elements::begin(all, self.out, self.context));
            let outcome = self.elements(node, elements.as_mut());
            elements.into_iter().for_each(|elements| elements.end(self.out, outcome.is_ok()));
            return outcome;
        }
        let mut wanted = node.indices().iter().peekable();
        let (mut position, context) = (0, self.context);
        let mut more = self.cursor.enter(b']')?;
        while more {
            match wanted.next_if(|(index, _)| *index == position) {
                Some((index, child)) => self.value(child).inspect_err(|_| context.under_index(*index))?,
                None => self.cursor.skip()?,
            }
            position += 1;
            more = self.cursor.another(b']')?;
        }
        self.cursor.leave();
        if node.indices().is_empty() { self.conversion_error_if_strict("a list", node) } else { Ok(()) }
    }

    /// Reads each element of a list: for all of them, and for those at a position from the front or the end.
    fn elements(&mut self, node: &Node, mut all: Option<&mut Elements<'_>>) -> Result<(), JsonError> {
        let context = self.context;
        let mut last = LastElements::new(node);
        let mut length = 0;
        let mut more = self.cursor.enter(b']')?;
        while more {
            let token = self.cursor.value()?;
            if let Some(child) = node.element(length) {
                self.value_of(token, child).inspect_err(|_| context.under_index(length))?;
            }
            if let Some(all) = all.as_deref_mut() {
                all.read(length, context, |node, out, context| {
                    let mut element = Walk { cursor: Cursor::new(""), out, context };
                    element.value_of(token, node).map(|()| true)
                })?;
            }
            if last.keeps() {
                last.push(token);
            }
            length += 1;
            more = self.cursor.another(b']')?;
        }
        self.cursor.leave();
        for (place, child) in node.last_elements() {
            if let Some(token) = last.get(*place) {
                self.value_of(*token, child).inspect_err(|_| context.under_index(length - place))?;
            }
        }
        Ok(())
    }

    /// Reads a value at a node that was taken.
    fn value_of(&mut self, token: Token<'de>, node: &Node) -> Result<(), JsonError> {
        node.targets.iter().try_for_each(|output| self.fill_from(token, *output))?;
        if node.has_children() { self.again(token, node) } else { Ok(()) }
    }

    /// A value that has no parts, unless it is a text that holds a document.
    fn scalar(&mut self, token: Token<'_>, node: &Node) -> Result<(), JsonError> {
        match token {
            Token::Null => Ok(()),
            Token::Bool(value) => self.conversion_error_if_strict(&describe(&Scalar::Bool(value)), node),
            Token::Text(text) => self.text(text, node),
            Token::Escaped(raw) => self.text(&super::read::unescape(raw)?, node),
            Token::Number(text) => {
                let shown = super::read::number(text)?;
                self.conversion_error_if_strict(&shown, node)
            }
            Token::Nested(_) => Ok(()),
        }
    }

    /// Steps into the document that a text holds; some senders put a document as text into a member of another.
    fn text(&mut self, text: &str, node: &Node) -> Result<(), JsonError> {
        if !node.has_children() || !text.trim_start().starts_with(['{', '[']) {
            return self.conversion_error_if_strict(&describe(&Scalar::Text(text)), node);
        }
        let mut check = Cursor::new(text);
        if let Err(fault) = check.skip().and_then(|()| check.end()) {
            let cause = format!("{} holds no JSON: {}", describe(&Scalar::Text(text)), fault.explain(text));
            return if self.is_strict_at(node) { Err(self.context.fail(cause)) } else { Ok(()) };
        }
        let mut inside = Walk { cursor: Cursor::new(text), out: &mut *self.out, context: self.context };
        inside.below(node)
    }

    /// Whether a value that cannot be stepped into is an error.
    fn is_strict_at(&self, node: &Node) -> bool {
        self.context.is_strict() && node.is_strict()
    }

    fn conversion_error_if_strict(&self, found: &str, node: &Node) -> Result<(), JsonError> {
        if !self.is_strict_at(node) {
            return Ok(());
        }
        let expected = if node.keys().is_empty() { "a list" } else { "an object" };
        Err(self.context.fail(format!("expected {expected}, found {found}")))
    }
}
