use super::*;

/// Two ordinary processes of user 1000 on a kernel without Yama: looking is allowed.
fn peers() -> Evidence {
    let user = Credentials {
        uid: Ids::all(1000),
        gid: Ids::all(1000),
        user_namespace: Some(7),
        ..Credentials::default()
    };
    Evidence {
        pid: 4242,
        presence: Presence::Present,
        state: Some('S'),
        kernel_thread: false,
        ours: user,
        ours_is_first_namespace: true,
        theirs: Some(user),
        dumpable: Some(true),
        descendant: false,
        yama_scope: None,
        tracer: None,
        confinement: None,
    }
}

fn with_theirs(change: impl FnOnce(&mut Credentials)) -> Evidence {
    let mut evidence = peers();
    change(evidence.theirs.as_mut().expect("peers are seen"));
    evidence
}

fn as_root(mut evidence: Evidence) -> Evidence {
    evidence.ours.uid = Ids::all(0);
    evidence.ours.gid = Ids::all(0);
    evidence.ours.permitted = u64::MAX;
    evidence.ours.effective = u64::MAX;
    evidence
}

#[test]
fn a_user_may_look_at_a_process_of_his_own() {
    assert_eq!(denial_of_look(&peers()), None);
    assert_eq!(denial_of_change(&peers()), None);
}

#[test]
fn what_is_not_there_is_not_a_matter_of_permission() {
    let absent = Evidence {
        presence: Presence::Absent,
        theirs: None,
        ..peers()
    };
    assert_eq!(denial_of_look(&absent), Some(Denial::NotFound));
    let hidden = Evidence {
        presence: Presence::Hidden,
        theirs: None,
        ..peers()
    };
    assert_eq!(denial_of_look(&hidden), Some(Denial::HiddenByProc));
}

#[test]
fn credentials_that_proc_does_not_show_are_hidden_by_it() {
    let evidence = Evidence {
        theirs: None,
        ..peers()
    };
    assert_eq!(denial_of_look(&evidence), Some(Denial::HiddenByProc));
}

#[test]
fn a_zombie_has_ended_even_for_root() {
    let zombie = as_root(Evidence {
        state: Some('Z'),
        ..peers()
    });
    assert_eq!(denial_of_look(&zombie), Some(Denial::Ended));
}

#[test]
fn a_kernel_thread_is_named_before_its_owner() {
    let thread = Evidence {
        kernel_thread: true,
        ..with_theirs(|theirs| theirs.uid = Ids::all(0))
    };
    assert_eq!(denial_of_look(&thread), Some(Denial::KernelThread));
}

#[test]
fn one_foreign_uid_of_the_three_is_enough() {
    for change in [
        (|ids: &mut Ids| ids.real = 0) as fn(&mut Ids),
        |ids| ids.effective = 0,
        |ids| ids.saved = 0,
    ] {
        let evidence = with_theirs(|theirs| change(&mut theirs.uid));
        let expected = Denial::OtherUser {
            ours: 1000,
            theirs: 0,
        };
        assert_eq!(denial_of_look(&evidence), Some(expected));
    }
}

#[test]
fn a_foreign_group_of_the_same_user_is_told_apart() {
    let evidence = with_theirs(|theirs| theirs.gid.saved = 50);
    let expected = Denial::OtherGroup {
        ours: 1000,
        theirs: 50,
    };
    assert_eq!(denial_of_look(&evidence), Some(expected));
}

#[test]
fn root_may_look_at_anything_that_has_memory() {
    let mut evidence = as_root(with_theirs(|theirs| theirs.permitted = u64::MAX));
    evidence.dumpable = Some(false);
    evidence.yama_scope = Some(2);
    assert_eq!(denial_of_look(&evidence), None);
}

#[test]
fn root_of_a_container_without_the_capability_is_told_so() {
    let mut evidence = as_root(peers());
    evidence.ours.effective = 0;
    assert_eq!(
        denial_of_look(&evidence),
        Some(Denial::RootWithoutCapability)
    );
}

#[test]
fn an_undumpable_process_of_the_same_user_is_refused() {
    let evidence = Evidence {
        dumpable: Some(false),
        ..peers()
    };
    assert_eq!(denial_of_look(&evidence), Some(Denial::NotDumpable));
}

#[test]
fn an_unknown_dumpable_flag_is_no_reason() {
    let evidence = Evidence {
        dumpable: None,
        ..peers()
    };
    assert_eq!(denial_of_look(&evidence), None);
}

#[test]
fn another_user_namespace_is_a_reason_for_the_same_uid() {
    let evidence = with_theirs(|theirs| theirs.user_namespace = Some(8));
    assert_eq!(denial_of_look(&evidence), Some(Denial::OtherUserNamespace));
}

#[test]
fn the_capability_counts_below_the_first_namespace_only_in_ones_own() {
    let mut inside = as_root(with_theirs(|theirs| {
        theirs.uid = Ids::all(65534);
        theirs.user_namespace = Some(8);
    }));
    inside.ours_is_first_namespace = false;
    assert_eq!(denial_of_look(&inside), Some(Denial::OtherUserNamespace));
    let mut same = inside.clone();
    same.theirs.as_mut().expect("seen").user_namespace = Some(7);
    assert_eq!(denial_of_look(&same), None);
}

#[test]
fn capabilities_that_we_lack_are_a_reason() {
    let mut evidence = with_theirs(|theirs| theirs.permitted = 0b110);
    evidence.ours.permitted = 0b010;
    assert_eq!(
        denial_of_look(&evidence),
        Some(Denial::MoreCapabilities { extra: 0b100 })
    );
    evidence.ours.permitted = 0b110;
    assert_eq!(denial_of_look(&evidence), None);
}

#[test]
fn yama_asks_for_descent_then_for_the_capability_then_refuses_all() {
    let scope = |scope| Evidence {
        yama_scope: Some(scope),
        ..peers()
    };
    assert_eq!(denial_of_look(&scope(0)), None);
    assert_eq!(denial_of_look(&scope(1)), Some(Denial::YamaDescendants));
    let child = Evidence {
        descendant: true,
        ..scope(1)
    };
    assert_eq!(denial_of_look(&child), None);
    assert_eq!(denial_of_look(&scope(2)), Some(Denial::YamaAdministrator));
    assert_eq!(denial_of_look(&scope(3)), Some(Denial::YamaNobody));
    assert_eq!(denial_of_look(&as_root(scope(3))), Some(Denial::YamaNobody));
    assert_eq!(denial_of_look(&as_root(scope(1))), None);
}

#[test]
fn a_refusal_without_a_reason_is_put_to_filters_then_to_modules_then_left_open() {
    let mut evidence = as_root(peers());
    assert_eq!(explain_refused_look(&evidence), Denial::Unexplained);
    evidence.confinement = Some("docker-default (enforce)".into());
    assert_eq!(
        explain_refused_look(&evidence),
        Denial::Confined {
            confinement: "docker-default (enforce)".into()
        }
    );
    evidence.ours.filtered = true;
    assert_eq!(explain_refused_look(&evidence), Denial::Filtered);
}

#[test]
fn root_that_lacks_only_the_capability_is_told_so_by_its_name() {
    let mut evidence = as_root(peers());
    let root = Credentials {
        permitted: u64::MAX,
        ..evidence.ours
    };
    evidence.theirs = Some(root);
    evidence.ours.permitted = !CAP_SYS_PTRACE;
    evidence.ours.effective = !CAP_SYS_PTRACE;
    assert_eq!(
        denial_of_look(&evidence),
        Some(Denial::RootWithoutCapability)
    );
}

#[test]
fn a_namespace_that_may_not_be_seen_from_below_is_another_one() {
    let mut evidence = with_theirs(|theirs| theirs.user_namespace = None);
    assert_eq!(explain_refused_look(&evidence), Denial::Unexplained);
    evidence.ours_is_first_namespace = false;
    assert_eq!(explain_refused_look(&evidence), Denial::OtherUserNamespace);
}

#[test]
fn a_tracer_or_a_stop_forbids_only_changes() {
    let traced = Evidence {
        tracer: Some((99, "gdb".into())),
        state: Some('t'),
        ..peers()
    };
    assert_eq!(denial_of_look(&traced), None);
    assert_eq!(
        denial_of_change(&traced),
        Some(Denial::Traced {
            tracer: 99,
            name: "gdb".into()
        })
    );
    let stopped = Evidence {
        state: Some('T'),
        ..peers()
    };
    assert_eq!(denial_of_look(&stopped), None);
    assert_eq!(denial_of_change(&stopped), Some(Denial::Stopped));
}
