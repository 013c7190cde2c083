//! The grammar of each command.

mod acl;
mod audit;
mod owner;

use super::*;
