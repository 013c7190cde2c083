//! Events that say letter for letter what the row of their operation says.
//!
//! Nearly all do, and it shows without taking them apart: the text is compared with the one that the row would
//! be written as. Nothing is found here; whatever is written in another way is for [`super::told`] to read.

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::chunks::Event;
use super::row::{Column, End};

/// What a first event leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begun {
    /// Nothing: the row says the same, to the end.
    Over,
    /// The row says the same up to what was decided.
    Open,
}

/// What the event begins, if it says what the row says.
pub(super) fn begun(event: Event<'_>, row: &Row<'_>) -> rusqlite::Result<Option<Begun>> {
    let Some(mut text) = Letters::of(event) else { return Ok(None) };
    let columns = [
        (r#"","actor":"#, Column::Actor),
        (r#","actor_name":"#, Column::ActorName),
        (r#","channel":"#, Column::Channel),
        (r#","command":"#, Column::Command),
        (r#","room":"#, Column::Room),
        (r#","new_owner":"#, Column::NewOwner),
    ];
    let is_begun = text.is(r#"{"v":1,"seq":"#)
        && text.number(event.seq)
        && text.is(r#","event":"requested","operation":""#)
        && text.number(event.operation)
        && text.is(r#"","at":""#)
        && text.time(Column::At.of(row)?)
        && text.columns(&columns, row)?;
    if !is_begun {
        return Ok(None);
    }
    // The row has the owner before as the last event says it, and the first may not know one yet.
    let knows_none = text.is(r#","previous_owner":null"#);
    let is_owner_before = if knows_none {
        Column::PreviousOwner.of(row)? == ValueRef::Null
    } else {
        text.column(r#","previous_owner":"#, Column::PreviousOwner, row)?
    };
    let columns = [
        (r#","reason":"#, Column::Reason),
        (r#","decision":"#, Column::Decision),
        (r#","authority":"#, Column::Authority),
    ];
    if !(knows_none || is_owner_before) || !text.columns(&columns, row)? {
        return Ok(None);
    }
    let is_open = text
        .is(r#","outcome":"pending","error_code":null,"error_info":null,"request_id":null,"delivery_id":"#);
    if is_open {
        let is = knows_none
            && text.value(Column::DeliveryId.of(row)?)
            && text.is(r#","duration_ms":null}"#)
            && text.is_at_end()
            && Column::Reading.of(row)? == ValueRef::Integer(0);
        return Ok(is.then_some(Begun::Open));
    }
    let columns = [
        (r#","outcome":"#, Column::Outcome),
        (r#","error_code":"#, Column::ErrorCode),
        (r#","error_info":"#, Column::ErrorInfo),
        (r#","request_id":"#, Column::RequestId),
        (r#","delivery_id":"#, Column::DeliveryId),
        (r#","duration_ms":"#, Column::DurationMs),
    ];
    let outcome = Column::Outcome.of(row)?;
    let is = is_owner_before
        && text.columns(&columns, row)?
        && text.is("}")
        && text.is_at_end()
        && outcome != ValueRef::Text(b"pending")
        // What it repeats is looked for, too.
        && outcome != ValueRef::Text(b"duplicate")
        && Column::Reading.of(row)? == ValueRef::Integer(0)
        && Column::IsOpen.of(row)? == ValueRef::Integer(0)
        && Column::HeldRoom.of(row)? == ValueRef::Null;
    Ok(is.then_some(Begun::Over))
}

/// Whether the event ends its operation as the row says.
pub(super) fn is_end(event: Event<'_>, end: &End) -> bool {
    let Some(mut text) = Letters::of(event) else { return false };
    let [previous_owner, outcome, error_code, error_info, request_id, duration_ms] = end.values();
    end.is_open == 0
        && end.holds_none
        && !matches!(outcome, r#""pending""# | r#""unknown""#)
        && text.is(r#"{"v":1,"seq":"#)
        && text.number(event.seq)
        && text.is(r#","event":"ended","operation":""#)
        && text.number(event.operation)
        && text.is(r#"","at":""#)
        && text.skip_string()
        && text.is(r#","outcome":"#)
        && text.is(outcome)
        && text.is(r#","confirmed":"#)
        && (text.is("true") || text.is("false") || text.is("null"))
        && text.is(r#","previous_owner":"#)
        && text.is(previous_owner)
        && text.is(r#","owner_now":null,"error_code":"#)
        && text.is(error_code)
        && text.is(r#","error_info":"#)
        && text.is(error_info)
        && text.is(r#","request_id":"#)
        && text.is(request_id)
        && text.is(r#","duration_ms":"#)
        && text.is(duration_ms)
        && text.is("}")
        && text.is_at_end()
}

/// What is left of a text in which nothing is escaped: a quote is where a string begins or ends. Each question
/// goes on behind what it finds; after a no, the rest is no longer of use. That the text is UTF-8 is not asked: it
/// is what was signed, letter for letter, and the row says the same.
struct Letters<'a>(&'a [u8]);

impl<'a> Letters<'a> {
    fn of(event: Event<'a>) -> Option<Self> {
        // All of it at once is quicker than up to the first.
        let is_plain = event.body.iter().fold(true, |plain, byte| plain & (*byte >= 0x20) & (*byte != b'\\'));
        is_plain.then_some(Self(event.body))
    }

    fn is(&mut self, part: &str) -> bool {
        self.bytes(part.as_bytes())
    }

    fn bytes(&mut self, part: &[u8]) -> bool {
        match self.0.strip_prefix(part) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    fn number(&mut self, number: i64) -> bool {
        let digits = self.0.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count() + 1;
        let Some((digits, rest)) = self.0.split_at_checked(digits) else { return false };
        // As it is written, and not `+1` or `01`.
        let is_plain = !matches!(digits, [b'+', ..] | [b'0', _, ..] | [b'-', b'0', ..]);
        self.0 = rest;
        is_plain && std::str::from_utf8(digits).is_ok_and(|digits| digits.parse() == Ok(number))
    }

    /// A time in the form that the log has, which ends its string.
    fn time(&mut self, millis: ValueRef<'_>) -> bool {
        const LENGTH: usize = "2024-12-31T00:03:28.566Z".len();
        let Some((time, rest)) = self.0.split_at_checked(LENGTH) else { return false };
        self.0 = rest;
        let time = std::str::from_utf8(time).ok().filter(|time| time.ends_with('Z'));
        let time = time.and_then(|time| time.parse::<Timestamp>().ok());
        time.is_some_and(|time| ValueRef::Integer(time.as_millisecond()) == millis)
    }

    fn value(&mut self, value: ValueRef<'_>) -> bool {
        match value {
            ValueRef::Null => self.is("null"),
            ValueRef::Integer(number) => self.number(number),
            ValueRef::Text(text) => self.string(text),
            ValueRef::Real(_) | ValueRef::Blob(_) => false,
        }
    }

    fn string(&mut self, text: &[u8]) -> bool {
        let [b'"', rest @ ..] = self.0 else { return false };
        let Some((string, [b'"', rest @ ..])) = rest.split_at_checked(text.len()) else { return false };
        self.0 = rest;
        string == text && !text.contains(&b'"')
    }

    fn column(&mut self, key: &str, column: Column, row: &Row<'_>) -> rusqlite::Result<bool> {
        Ok(self.is(key) && self.value(column.of(row)?))
    }

    fn columns(&mut self, columns: &[(&str, Column)], row: &Row<'_>) -> rusqlite::Result<bool> {
        for (key, column) in columns {
            if !self.column(key, *column, row)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The rest of a string, whatever it says.
    fn skip_string(&mut self) -> bool {
        match self.0.iter().position(|byte| *byte == b'"') {
            Some(end) => {
                self.0 = &self.0[end + 1..];
                true
            }
            None => false,
        }
    }
}
