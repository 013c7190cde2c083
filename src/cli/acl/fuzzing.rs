//! The fuzz target of the ACL's file.

use jiff::Timestamp;

use crate::cli::acl_file::{read, write};
use crate::domain::access::plan::{WantedAnnouncement, WantedSetting};
use crate::domain::access::{AclSetting, AclView, AnnouncementChannel, AuthorisedChannel, Grant, NewGrant};
use crate::domain::principal::Subject;
use crate::domain::reply::Names;

/// What is read of a file is read of the file that is written out of it.
pub fn file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let file = match read(text) {
        Ok(file) => file,
        Err(why) => return assert!(!why.is_empty()),
    };
    let now = Timestamp::MIN;
    let by = Subject::Cli { user: "ana".to_owned() };
    let grants: Vec<Grant> = (1..)
        .zip(&file.wanted.grants)
        .map(|(id, wanted)| Grant {
            // The earliest time of all has ended by then.
            expires_at: wanted.grant.expires_at.filter(|end| *end > now),
            // Quotes around a reason go away each time that it is read.
            ..wanted.grant.given(id, &by, now, None)
        })
        .collect();
    let channels: Vec<AuthorisedChannel> = file
        .wanted
        .channels
        .iter()
        .map(|wanted| AuthorisedChannel {
            channel: wanted.channel.clone(),
            rooms: wanted.rooms.clone(),
            allowed_by: by.clone(),
            allowed_at: now,
            removed_at: None,
            reason: None,
        })
        .collect();
    let version = file.version.unwrap_or_default();
    let announcement = |wanted: &WantedAnnouncement| AnnouncementChannel {
        channel: wanted.channel.clone(),
        rooms: wanted.rooms.clone(),
        for_admins: wanted.for_admins,
        set_by: by.clone(),
        set_at: now,
        removed_at: None,
        reason: None,
    };
    let announcements = file.wanted.announcements.iter().map(announcement).collect();
    let set = |wanted: &WantedSetting| AclSetting {
        setting: wanted.setting.clone(),
        set_by: by.clone(),
        set_at: now,
        removed_at: None,
        reason: None,
    };
    let settings = file.wanted.settings.iter().map(set).collect();
    let acl = AclView { version, grants, channels, announcements, settings };
    let written = write(&acl, &Names::new(), now);
    let AclView { grants, channels, announcements, settings, .. } = acl;
    let again = match read(&written) {
        Ok(again) => again,
        Err(why) => panic!("{why}\n{written}"),
    };
    assert_eq!(again.version, Some(version));
    let wanted = &again.wanted;
    let sizes =
        [wanted.grants.len(), wanted.channels.len(), wanted.announcements.len(), wanted.settings.len()];
    assert_eq!(sizes, [grants.len(), channels.len(), announcements.len(), settings.len()]);
    for wanted in &wanted.settings {
        let is_same = |it: &AclSetting| it.setting == wanted.setting;
        assert!(settings.iter().any(is_same), "{wanted:?} came out of\n{written}");
    }
    for grant in &again.wanted.grants {
        let is_same = |other: &Grant| NewGrant::from(other) == grant.grant;
        assert!(grants.iter().any(is_same), "{grant:?} came out of\n{written}");
    }
    for channel in &again.wanted.channels {
        assert!(channels.iter().any(|it| (&it.channel, &it.rooms) == (&channel.channel, &channel.rooms)));
    }
    for wanted in &again.wanted.announcements {
        let is_same = |it: &AnnouncementChannel| {
            (&it.channel, &it.rooms, it.for_admins) == (&wanted.channel, &wanted.rooms, wanted.for_admins)
        };
        assert!(announcements.iter().any(is_same), "{wanted:?} came out of\n{written}");
    }
}
