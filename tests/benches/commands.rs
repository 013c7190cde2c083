//! The standard runs of `room-owner bench`, of the program that cargo has built for this.

fn main() -> anyhow::Result<()> {
    room_owner::bench::standard_runs(std::path::Path::new(env!("CARGO_BIN_EXE_room-owner")), None)
}
