//! What the pages about rooms say.

use super::chinese::Chinese;
use super::english::English;
use crate::domain::access::{Mark, Needed};
use crate::web::kinds::Piece;

/// A short text of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum RoomLabel {
    /// The rooms that are listed.
    Live,
    /// Which ones.
    Lead,
    /// A room's id.
    Id,
    /// To open it.
    Open,
    /// That no room is listed, and what to do.
    NoRooms,
    /// That the list cannot be read, and what to do.
    NotListed,
    /// How many watch.
    Viewers,
    /// That a room has no owner.
    NoOwner,
    /// The hand-overs that wait.
    Waiting,
    /// That there are none, and when there are.
    NothingWaits,
    /// Until when.
    Until,
    /// The owner now.
    Now,
    /// What a hand-over takes.
    Takes,
    /// The room that was probably meant.
    Meant,
    /// Who owned the room when is not for the reader, and whom to ask.
    NoHistory,
    /// Choices of time.
    Times,
    /// The last day.
    Day,
    /// The last week.
    Week,
    /// As far back as is known.
    Whole,
    /// That there are older owners.
    Older,
    /// The newest hand-overs of the room.
    Recent,
    /// That there are none.
    NoneRecent,
    /// All that was done to the room.
    All,
    /// To hand the room over.
    HandOver,
    /// What the field of the new owner takes.
    NewOwner,
    /// What the reason is for.
    Reason,
    /// To see what would happen.
    Review,
    /// To whom the undo gives the room back.
    GiveBack,
    /// To do it.
    DoIt,
    /// To ask another person for it.
    AskForIt,
    /// Back to the room.
    Back,
    /// What happens if another owns the room by then.
    IfOwner,
    /// That the page is the confirmation.
    Confirms,
    /// That two people are needed, who are in a channel.
    InAChannel,
    /// That the log has never seen the account.
    NewAccount,
}

/// The sentences of the pages about rooms in one language.
pub(in crate::web) trait RoomWords {
    /// A short text.
    fn room(&self, label: RoomLabel) -> &'static str;
    /// What a hand-over waits for.
    fn waits(&self, gives: Needed) -> &'static str;
    /// What a mark means.
    fn mark(&self, mark: Mark) -> &'static str;
    /// Whether to hand the room over. `from` is empty if nobody owns it, and `None` if nobody can tell.
    fn question(&self, room: String, from: Option<String>, to: String) -> Vec<Piece>;
    /// That an operation holds the room.
    fn held_by(&self, operation: i64) -> String;
    /// To override it.
    fn override_it(&self, operation: i64) -> String;
    /// What becomes of it then.
    fn overrides(&self, operation: i64) -> String;
    /// That another person has to approve, within so many minutes, and where.
    fn approve_within(&self, minutes: i64) -> String;
}

fn text(text: &str) -> Piece {
    Piece::Text(text.to_owned())
}

impl RoomWords for English {
    fn room(&self, label: RoomLabel) -> &'static str {
        match label {
            RoomLabel::Live => "Live now",
            RoomLabel::Lead => "Those of Tencent's 20 most viewed rooms that you may see.",
            RoomLabel::Id => "Room id",
            RoomLabel::Open => "Open the room",
            RoomLabel::NoRooms => {
                "No live room that you may see is among the most viewed. Open any other by its id."
            }
            RoomLabel::NotListed => {
                "Tencent's list of live rooms cannot be read right now. Open a room by its id, or load this page again in \
                 a moment."
            }
            RoomLabel::Viewers => "Viewers",
            RoomLabel::NoOwner => "nobody",
            RoomLabel::Waiting => "Waiting hand-overs",
            RoomLabel::NothingWaits => {
                "Nothing waits. A hand-over that takes a confirmation or a second person will stand here."
            }
            RoomLabel::Until => "until",
            RoomLabel::Now => "Owner now",
            RoomLabel::Takes => "To hand it over",
            RoomLabel::Meant => "Did you mean",
            RoomLabel::NoHistory => {
                "Who owned the room when is in the audit log, which you may not read for this room. An admin can make \
                 you an auditor."
            }
            RoomLabel::Times => "Time",
            RoomLabel::Day => "Last day",
            RoomLabel::Week => "Last week",
            RoomLabel::Whole => "All",
            RoomLabel::Older => "There are older owners, which are not shown.",
            RoomLabel::Recent => "Recent hand-overs",
            RoomLabel::NoneRecent => "Nobody has asked to hand the room over yet.",
            RoomLabel::All => "Every operation on this room",
            RoomLabel::HandOver => "Hand the room over",
            RoomLabel::NewOwner => "New owner: an account, or a linked person (slack:T…:U…)",
            RoomLabel::Reason => "Reason, kept on record",
            RoomLabel::Review => "Review",
            RoomLabel::GiveBack => "The last hand-over can be undone. That gives the room back to",
            RoomLabel::DoIt => "Hand it over",
            RoomLabel::AskForIt => "Ask for it",
            RoomLabel::Back => "Back to the room",
            RoomLabel::IfOwner => "If another account owns the room by then, nothing is done.",
            RoomLabel::Confirms => "The room is marked `confirm`: with this button you confirm it.",
            RoomLabel::InAChannel => {
                "The room is marked `two-person`: two people ask and approve in a channel. Sign in with a link from \
                 chat."
            }
            RoomLabel::NewAccount => "The log has never seen this account: look at its spelling.",
        }
    }

    fn waits(&self, gives: Needed) -> &'static str {
        match gives {
            Needed::Confirmation => "Not done yet: whoever asked for it has to confirm it",
            Needed::SecondPerson => "Not done yet: anybody else who may hand the room over has to approve it",
        }
    }

    fn mark(&self, mark: Mark) -> &'static str {
        match mark {
            Mark::Confirm => "`confirm`: whoever asks has to confirm it",
            Mark::TwoPerson => "`two-person`: another person has to approve it",
        }
    }

    fn question(&self, room: String, from: Option<String>, to: String) -> Vec<Piece> {
        let mut pieces = vec![text("Hand "), Piece::Code(room)];
        match from {
            None => pieces.push(text(", whose owner cannot be read,")),
            Some(from) if from.is_empty() => pieces.push(text(", which nobody owns,")),
            Some(from) => pieces.extend([text(" from "), Piece::Code(from)]),
        }
        pieces.extend([text(" to "), Piece::Code(to), text("?")]);
        pieces
    }

    fn held_by(&self, operation: i64) -> String {
        format!("Operation {operation} holds the room: it is under way, or its outcome is not known.")
    }

    fn override_it(&self, operation: i64) -> String {
        format!("Override operation {operation}, which needs a reason")
    }

    fn overrides(&self, operation: i64) -> String {
        format!("Operation {operation} is closed, and its outcome stays unknown.")
    }

    fn approve_within(&self, minutes: i64) -> String {
        format!(
            "The room is marked `two-person`: nothing is done until another person approves it, within {minutes} \
             minutes. Tell them: it stands under Rooms."
        )
    }
}

impl RoomWords for Chinese {
    fn room(&self, label: RoomLabel) -> &'static str {
        match label {
            RoomLabel::Live => "正在直播",
            RoomLabel::Lead => "腾讯返回的观众最多的 20 个房间中，您可以查看的房间。",
            RoomLabel::Id => "房间 ID",
            RoomLabel::Open => "打开房间",
            RoomLabel::NoRooms => "观众最多的直播房间中没有您可以查看的。其他房间请用 ID 打开。",
            RoomLabel::NotListed => "目前无法读取腾讯的直播房间列表。请用 ID 打开房间，或稍后重新加载本页。",
            RoomLabel::Viewers => "观众",
            RoomLabel::NoOwner => "无房主",
            RoomLabel::Waiting => "等待中的移交",
            RoomLabel::NothingWaits => "没有等待中的移交。需要确认或第二人批准的移交会显示在这里。",
            RoomLabel::Until => "截止",
            RoomLabel::Now => "当前房主",
            RoomLabel::Takes => "移交要求",
            RoomLabel::Meant => "您是否要找",
            RoomLabel::NoHistory => {
                "何时由谁担任房主记录在审计日志中，您无权查看此房间的日志。请向管理员申请审计员角色。"
            }
            RoomLabel::Times => "时间",
            RoomLabel::Day => "最近一天",
            RoomLabel::Week => "最近一周",
            RoomLabel::Whole => "全部",
            RoomLabel::Older => "还有更早的房主，未显示。",
            RoomLabel::Recent => "最近的移交",
            RoomLabel::NoneRecent => "还没有人请求移交此房间。",
            RoomLabel::All => "此房间的全部操作",
            RoomLabel::HandOver => "移交房间",
            RoomLabel::NewOwner => "新房主：账号，或已关联的人（slack:T…:U…）",
            RoomLabel::Reason => "原因（会记录在日志中）",
            RoomLabel::Review => "预览",
            RoomLabel::GiveBack => "最近一次移交可以撤销。撤销会将房间交还给",
            RoomLabel::DoIt => "移交",
            RoomLabel::AskForIt => "提出请求",
            RoomLabel::Back => "返回房间",
            RoomLabel::IfOwner => "如果届时房主已是其他账号，则不执行任何操作。",
            RoomLabel::Confirms => "房间标记为 `confirm`：点击此按钮即为确认。",
            RoomLabel::InAChannel => {
                "房间标记为 `two-person`：须由两人在频道中分别提出和批准。请用聊天中获取的链接登录。"
            }
            RoomLabel::NewAccount => "日志中从未出现过此账号：请检查拼写。",
        }
    }

    fn waits(&self, gives: Needed) -> &'static str {
        match gives {
            Needed::Confirmation => "尚未执行：须由提出者确认",
            Needed::SecondPerson => "尚未执行：须由另一位有权移交此房间的人批准",
        }
    }

    fn mark(&self, mark: Mark) -> &'static str {
        match mark {
            Mark::Confirm => "`confirm`：须由提出者确认",
            Mark::TwoPerson => "`two-person`：须由另一人批准",
        }
    }

    fn question(&self, room: String, from: Option<String>, to: String) -> Vec<Piece> {
        let mut pieces = vec![text("将 "), Piece::Code(room)];
        match from {
            None => pieces.push(text("（无法读取房主）")),
            Some(from) if from.is_empty() => pieces.push(text("（目前无房主）")),
            Some(from) => pieces.extend([text(" 从 "), Piece::Code(from)]),
        }
        pieces.extend([text(" 移交给 "), Piece::Code(to), text("？")]);
        pieces
    }

    fn held_by(&self, operation: i64) -> String {
        format!("操作 {operation} 占用此房间：它正在进行，或结果未知。")
    }

    fn override_it(&self, operation: i64) -> String {
        format!("越过操作 {operation}，须填写原因")
    }

    fn overrides(&self, operation: i64) -> String {
        format!("操作 {operation} 将被关闭，其结果仍为未知。")
    }

    fn approve_within(&self, minutes: i64) -> String {
        format!(
            "房间标记为 `two-person`：在另一人批准之前不会执行，须在 {minutes} 分钟内批准。请告知对方：此请求显示在“房间”页面。"
        )
    }
}
