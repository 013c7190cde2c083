//! The table of the chat commands: what each verb takes, required things marked.

use room_owner::domain::command::{CommandGroup, Parameter, Verb};

#[test]
fn what_each_verb_takes() {
    let line = |verb: &Verb| {
        let one = |it: &Parameter| format!(" {}{}", it.name, if it.is_required { "!" } else { "" });
        format!("{verb:?}:{}", verb.parameters.iter().map(one).collect::<String>())
    };
    let all = CommandGroup::ALL.into_iter().flat_map(Verb::all).map(line).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(all, @"
    room-owner : room new_owner reason override ask
    room-owner show: room!
    room-owner list:
    room-owner undo:
    room-owner ask: room! reason
    room-owner whoami:
    room-owner help:
    room-acl whoami:
    room-acl grant: who! role! rooms channel for until reason
    room-acl deny: who! role! rooms channel for until reason
    room-acl revoke: grant who reason
    room-acl answer: operation! answer!
    room-acl list: part who page
    room-acl why: who room! channel
    room-acl who-can: room!
    room-acl channel allow: channel rooms reason
    room-acl channel remove: channel reason
    room-acl channel list: page
    room-acl announce here: channel rooms admin reason
    room-acl announce off: channel reason
    room-acl announce list: page
    room-acl link: who! account! reason
    room-acl unlink: who! reason
    room-acl links: who page
    room-acl room: rooms! mark! reason
    room-acl help:
    room-audit list: room actor actor-id channel outcome kind request-id text since until zone operation before readings limit
    room-audit show: operation!
    room-audit owner-at: room! time! zone
    room-audit history: room! since until zone
    room-audit timeline: operation!
    room-audit stats: by room actor actor-id channel outcome kind request-id text since until zone operation before readings limit
    room-audit console:
    room-audit help:
    ");
}
