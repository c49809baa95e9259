//! `jostle agent`: serves the counters of one run's tree until its standard input closes.

use super::{Failure, block_on, output};
use crate::{
    agent::{self, AgentConfig},
    cli::AgentArgs,
};

/// Serves until the parent goes away.
pub fn agent(args: &AgentArgs) -> Result<u8, Failure> {
    let config =
        AgentConfig { cgroup_root: args.cgroup_root.clone(), ..AgentConfig::new(args.tree.clone(), args.listen) };
    block_on(async {
        let told = |address| output::print(&format!("{{\"listening\":\"{address}\"}}"));
        agent::serve(config, told, agent::stdin_closed()).await.map_err(Failure::machine)?;
        Ok(0)
    })
}
