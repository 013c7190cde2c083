//! Whose account is whose, as a hand-over is decided.

use std::borrow::Cow;

use super::CommandService;
use crate::app::ports::{StoreError, WhichSettings};
use crate::domain::access::{AclView, account_of, person_with};
use crate::domain::command::{Command, CommandRequest, Person, Transfer, check_account};

impl CommandService {
    /// The request with the account of the person to whom it hands a room, or with what is wrong with that; and with the
    /// person who has the account, where one was typed. Whoever may not hand the room over learns nothing.
    ///
    /// The links are read after the view: a change of them since leaves the ACL at another version, at which nothing of
    /// this is written down.
    pub(super) async fn linked<'a>(
        &self,
        request: &'a CommandRequest,
        acl: &AclView,
    ) -> Result<Cow<'a, CommandRequest>, StoreError> {
        let now = self.clock.now();
        let mut command = match &request.command {
            Ok(command @ Command::HandTo(to)) => {
                let links = self.store.settings(&WhichSettings::LinksOf(vec![to.person.clone()])).await?;
                let account = account_of(&links, &to.person, now).ok_or_else(|| to.not_linked());
                let transfer = account.map(|account| Command::Transfer(to.to(account.clone())));
                match check_account(self.accounts, transfer) {
                    Err(_) if !self.is_permitted(request, command, acl) => return Ok(Cow::Borrowed(request)),
                    checked => checked,
                }
            }
            Ok(Command::Transfer(transfer)) => {
                let links = self.store.settings(&WhichSettings::LinksTo(transfer.new_owner.clone())).await?;
                let person = person_with(&links, &transfer.new_owner, &request.principal.subject, now);
                let Some(person) = person.cloned() else { return Ok(Cow::Borrowed(request)) };
                let person = Some(Box::new(Person { subject: person, name: None }));
                Ok(Command::Transfer(Transfer { person, ..transfer.clone() }))
            }
            _ => return Ok(Cow::Borrowed(request)),
        };
        if let Ok(Command::Transfer(Transfer { person: Some(person), .. })) = &mut command {
            person.name = self.last_seen_name(&person.subject).await;
        }
        Ok(Cow::Owned(CommandRequest { command, ..request.clone() }))
    }

    fn is_permitted(&self, request: &CommandRequest, command: &Command, acl: &AclView) -> bool {
        let may = |action| self.may(&request.principal, &request.place, action, acl);
        command.action().is_some_and(may)
    }
}
