//! Settings and reports of a pipe that is there.

use pipefs::{EndRole, Refusal, State, Wanted};

use super::world::World;

/// SEMANTICS: attribute-settings, attribute-refused, attribute-in-use
#[test]
fn a_setting_is_changed_or_nothing_is() {
    let mut world = World::new();
    let pipe = world.create("p");
    let set = |world: &mut World, key: &str, value: &str| {
        let result = world.engine.configure(&pipe, key, value, &mut world.effects);
        world.deliver();
        result
    };
    set(&mut world, "mode", "shared").unwrap();
    assert!(matches!(set(&mut world, "capacity", "-1"), Err(Refusal::Setting(_))));
    assert!(matches!(set(&mut world, "colour", "red"), Err(Refusal::Setting(_))));
    let writer = world.opens(&pipe, Wanted::WRITE);
    assert_eq!(set(&mut world, "mode", "instance"), Err(Refusal::InUse("mode")));
    set(&mut world, "mode", "shared").unwrap();
    set(&mut world, "capacity", "1").unwrap();
    world.writes(writer, "full");
    let waiting = world.waits_to_write(writer, "more");
    set(&mut world, "capacity", "100").unwrap();
    assert_eq!(world.was_written(waiting), 4);
    assert_eq!(world.engine.pipe_state(&pipe).settings.capacity_bytes, 100);
}

/// SEMANTICS: attribute-state, attribute-peek
#[test]
fn a_report_changes_nothing() {
    let mut world = World::new();
    let pipe = world.create("p");
    let servers = ["first", "second"].map(|text| {
        let server = world.opens(&pipe, Wanted::WRITE);
        world.writes(server, text);
        server
    });
    assert_eq!(world.engine.peek(&pipe, 3), b"fir");
    let client = world.opens(&pipe, Wanted::READ);
    assert_eq!(world.engine.peek(&pipe, 100), b"second", "the next client's");
    let reports = world.engine.overview(&pipe, 10, 10).instances;
    assert_eq!(
        reports.iter().map(|r| r.state).collect::<Vec<_>>(),
        [State::Connected, State::Listening]
    );
    let mut roles: Vec<_> = reports[0].ends.iter().map(|end| end.role).collect();
    roles.sort_by_key(|role| *role == EndRole::Client);
    assert_eq!(roles, [EndRole::Server, EndRole::Client]);
    let less = world.engine.overview(&pipe, 1, 1);
    assert_eq!((less.instances.len(), less.instances_not_listed), (1, 1));
    let oldest = &less.instances[0];
    assert_eq!((oldest.ends.len(), oldest.ends_not_listed), (1, 1));
    assert_eq!(world.reads(client), "first");
    servers.into_iter().for_each(|server| world.close(server));
    assert_eq!((world.engine.summary().pipes, world.engine.summary().ends), (1, 1));
}
