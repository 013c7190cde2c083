//! What is done for each command, one file a use case.

mod acl_file;
mod list_rooms;
mod nearest_room;
mod undo;
