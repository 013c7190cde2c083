//! Tencent's error codes: what each means for a moderator, and what the client may do about it.
//!
//! From the Live error table (trtc.io/document/60027), the Chat error table (trtc.io/document/34348), the
//! Live overview (trtc.io/document/63398), and, for 100006 and 100016, rows about owner transfers that an
//! older page of `ban_member` carries. The tables contradict each other in places, so a reply always
//! shows code, ErrorInfo and RequestId first and the remedy second; nothing ever branches on ErrorInfo.

/// What the client may do by itself after a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A definite no: nothing was applied, and the same call gets the same answer.
    Final,
    /// An internal error that Tencent asks to repeat: three tries in all.
    TryAgain,
    /// Too frequent: at least a second apart, ten seconds in all.
    SlowDown,
    /// The UserSig expired: signed anew, once.
    SignAnew,
    /// Tencent lost track itself: whether it was applied has to be read back.
    Unclear,
}

/// A documented code.
#[derive(Debug, Clone, Copy)]
pub struct Code {
    /// ErrorCode.
    pub number: i64,
    /// What the client may do.
    pub class: Class,
    /// One line for the moderator: what it means and what to do next.
    pub remedy: &'static str,
}

/// The code's entry, if it is documented.
pub fn lookup(number: i64) -> Option<&'static Code> {
    CODES.binary_search_by_key(&number, |code| code.number).ok().map(|index| &CODES[index])
}

/// What the client may do after `number`. A code that is not documented is shown as it is and never
/// repeated.
pub fn class(number: i64) -> Class {
    lookup(number).map_or(Class::Final, |code| code.class)
}

/// What to do next after `number`.
pub fn remedy(number: i64) -> &'static str {
    lookup(number).map_or(UNDOCUMENTED, |code| code.remedy)
}

/// Whether a code says that the signature is not good, or came too often when it was not.
pub fn is_about_signature(number: i64) -> bool {
    matches!(number, 70_003 | 70_009 | 70_013 | 70_014 | 70_050)
}

/// The room does not exist, or is dissolved.
pub const NO_SUCH_ROOM: i64 = 100_004;

const UNDOCUMENTED: &str =
    "Tencent does not document this error. Nothing was sent again; quote the RequestId to Tencent's support.";

const fn code(number: i64, class: Class, remedy: &'static str) -> Code {
    Code { number, class, remedy }
}

use Class::{Final, SignAnew, SlowDown, TryAgain, Unclear};

/// Every documented code, by number.
#[rustfmt::skip]
pub const CODES: &[Code] = &[
    // The gateway's.
    code(60002, Final, "Tencent could not read the request: this is a fault of the bot, report it."),
    code(60003, Final, "Tencent could not read the request's body: this is a fault of the bot, report it."),
    code(60004, Final, "Tencent did not accept the bot's account: an admin has to check TENCENT_ADMIN_USER_ID and TENCENT_SECRET_KEY."),
    code(60005, Final, "Tencent did not accept the bot's account: an admin has to check TENCENT_ADMIN_USER_ID and TENCENT_SECRET_KEY."),
    code(60006, Final, "Tencent does not know the app here: an admin has to check TENCENT_SDK_APP_ID and TENCENT_REGION."),
    code(60007, SlowDown, "Too many calls a second for this API: wait a few seconds and try again."),
    code(60008, Unclear, "Tencent's own service timed out: look at the room's owner before you try again."),
    code(60009, Final, "Tencent does not know this API: an admin has to check TENCENT_REGION and TENCENT_API_BASE_URL."),
    code(60010, Final, "The bot's account is not an app admin: set TENCENT_ADMIN_USER_ID to one from Tencent's console."),
    code(60011, SlowDown, "Too many calls a second for the whole app: wait a few seconds and try again."),
    code(60012, Final, "The request lacked the SDKAppID: this is a fault of the bot, report it."),
    code(60013, Unclear, "Tencent could not read its own answer: look at the room's owner before you try again."),
    code(60014, TryAgain, "Tencent could not check the bot's account in time: try again in a moment."),
    code(60015, Final, "Tencent wants accounts as text: this is a fault of the bot, report it."),
    code(60016, Final, "Tencent has disabled the app: an admin has to ask Tencent's support or check the bill."),
    code(60017, Final, "Tencent has disabled this request: an admin has to ask Tencent's support."),
    code(60018, SlowDown, "Too many calls in a short time: wait a few seconds and try again."),
    code(60019, SlowDown, "Too many calls in a short time: wait a few seconds and try again."),
    code(60020, Final, "The app's package has expired or is not paid: an admin has to renew it; that takes effect after about 5 minutes."),
    code(60021, Final, "Tencent does not accept calls from this machine's address: an admin has to have it put on the allow-list."),
    code(60025, Final, "Tencent did not accept a parameter of the URL: an admin has to check the TENCENT_ settings."),
    code(60026, Final, "The app lives in another data centre: an admin has to set TENCENT_REGION to the app's."),
    code(60027, Final, "The app's product does not include this API: an admin has to check the package in Tencent's console."),
    code(60028, Final, "The trial edition's calls for 24 hours are used up: wait until tomorrow or upgrade."),
    // Accounts and UserSig.
    code(70001, SignAnew, "The bot's UserSig has expired: an admin has to check the clock of the bot's machine."),
    code(70003, Final, "Tencent could not read the bot's UserSig: an admin has to check TENCENT_SECRET_KEY."),
    code(70009, Final, "Tencent did not accept the bot's UserSig: TENCENT_SECRET_KEY belongs to another app."),
    code(70013, Final, "The UserSig is for another account: this is a fault of the bot, report it."),
    code(70014, Final, "The UserSig is for another app: this is a fault of the bot, report it."),
    code(70016, Final, "Tencent has no key for the app here: an admin has to check TENCENT_SDK_APP_ID and TENCENT_REGION."),
    code(70020, Final, "Tencent does not know the app here: an admin has to check TENCENT_SDK_APP_ID and TENCENT_REGION."),
    code(70050, Final, "Tencent has locked the bot out for about a minute after wrong signatures: wait, and have an admin check TENCENT_SECRET_KEY."),
    code(70051, Final, "Tencent has blocked the bot's account: an admin has to ask Tencent's support."),
    code(70107, Final, "The new owner is not an account of the app: check the spelling, or have the account imported first."),
    code(70169, Unclear, "Tencent's own service timed out: look at the room's owner before you try again."),
    code(70398, Final, "The app may not have more accounts: an admin has to upgrade the package."),
    code(70399, Final, "The account was deleted and cannot be imported again for three months: choose another owner."),
    code(70402, Final, "Tencent did not accept a parameter: check the room and the new owner."),
    code(70500, Unclear, "Tencent had an internal error: look at the room's owner before you try again."),
    code(72000, Final, "The trial edition's daily users are used up: an admin has to upgrade the package."),
    code(72002, Final, "The trial edition's monthly users are used up: an admin has to upgrade the package."),
    code(80005, Final, "Tencent's service is switched off for the app: an admin has to renew it."),
    // Rooms.
    code(100001, TryAgain, "Tencent had an internal error three times: try again in a moment; if it stays, quote the RequestId to Tencent's support."),
    code(100002, Final, "Tencent did not accept the room or the new owner: check the spelling of both."),
    code(100003, Final, "The room id is taken by another owner."),
    code(100004, Final, "There is no such room, or it is dissolved: check the spelling; the stream may have ended."),
    code(100005, Final, "The new owner is not in the room: they have to join it first."),
    code(100006, Final, "The bot may not change this room's owner: it may not be a Live room."),
    code(100007, Final, "The app has no paid package: an admin has to buy or renew one."),
    code(100008, Final, "The room is full."),
    code(100009, Final, "The room has too many tags."),
    code(100010, Final, "The room id is taken and already has this owner."),
    code(100011, Final, "The id belongs to a Chat group, not to a room."),
    code(100012, Final, "Too many requests for the same room in a second: try again in a moment."),
    code(100013, Final, "The paid package's limit is reached: an admin has to upgrade it."),
    code(100015, Final, "The room is of another type, not Live: this bot cannot change its owner."),
    code(100016, Final, "The new owner is banned from this room: unban them first, or choose another owner."),
    code(100017, Final, "The account is muted in this room."),
    code(100018, Final, "The room wants a password."),
    code(100019, Final, "The room's password is wrong."),
    code(100020, Final, "The room has too many admins: remove one first."),
    code(100102, Final, "Another request on this room got in the way: try again in a moment."),
    code(100200, Final, "The seat is locked."),
    code(100201, Final, "The seat is taken."),
    code(100202, Final, "The account is already in the queue for a seat."),
    code(100203, Final, "The account already has a seat."),
    code(100204, Final, "The account is not in the queue for a seat."),
    code(100205, Final, "All seats are taken."),
    code(100206, Final, "The account has no seat."),
    code(100210, Final, "The account already has a seat."),
    code(100211, Final, "The room has no seats."),
    code(100251, Final, "The list of seats is empty."),
    code(100301, Final, "No callback is configured at Tencent: set one first."),
    code(100400, Final, "There is no such connection between rooms."),
    code(100401, Final, "The rooms are already connected."),
    code(100402, Final, "A connection between the rooms is pending."),
    code(100403, Final, "The room is connecting to another one."),
    code(100404, Final, "The room has too many connections."),
    code(100405, Final, "Connections are asked for too often: try again in a moment."),
    code(100411, Final, "There is no such battle."),
    code(100412, Final, "Nobody can take part in the battle."),
    code(100413, Final, "Battles are asked for too often: try again in a moment."),
    code(100414, Final, "The room has left the battle."),
    code(100415, Final, "The room is in another battle."),
    code(100416, Final, "A battle is pending."),
    code(100419, Final, "The room is in a battle."),
    code(100420, Final, "The battle has not begun."),
    code(100421, Final, "The battle has ended."),
    code(100500, Final, "The room has too many metadata keys."),
    code(100501, Final, "A metadata value is too long."),
    code(100502, Final, "The room's metadata is too long."),
    code(100503, Final, "There is no such metadata key."),
    code(100504, Final, "A metadata key is too long."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_so_that_it_can_be_searched() {
        assert!(CODES.windows(2).all(|pair| pair[0].number < pair[1].number));
        assert!(
            CODES.iter().all(|code| lookup(code.number).is_some_and(|found| found.number == code.number))
        );
    }

    #[test]
    fn a_code_that_nobody_documents_is_never_repeated() {
        assert_eq!(class(424_242), Class::Final);
        assert!(remedy(424_242).contains("does not document"));
    }
}
