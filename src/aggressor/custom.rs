//! The custom aggressor: copies of any command beside the job. They press as hard as they do; nothing steers them.

use jostle_protocol::tenant::RunOrder;

use crate::{
    aggressor::{
        Aggressor, TenantCounts,
        run::{RunEnd, WindowRun},
    },
    backend::{PodSpec, Resources, Role},
    copies::{Copies, CopiesConfig, Output, digest},
    engine::Workload,
    refusal::Refusal,
    units::{NodeId, Rate},
};

/// What the aggressor runs.
#[derive(Clone, Debug)]
pub struct CustomTenantsConfig {
    /// Its name in the experiment; a DNS label, and different from other aggressors' names.
    pub name: String,
    /// The command, its folders and logs.
    pub copies: CopiesConfig,
    /// Copies on each node.
    pub pods_per_node: u16,
    /// Of a copy's pod.
    pub resources: Resources,
}

/// The aggressor. At most one set of copies is alive.
#[derive(Debug)]
pub struct CustomTenants {
    config: CustomTenantsConfig,
    copies: Copies,
}

impl CustomTenants {
    /// Nothing is started yet.
    pub fn new(config: CustomTenantsConfig) -> Self {
        Self { copies: Copies::new(config.copies.clone()), config }
    }
}

impl Aggressor for CustomTenants {
    async fn prepare(&mut self) -> Result<(Workload, Vec<PodSpec>), Refusal> {
        self.copies.check()?;
        let workload = Workload {
            provenance: format!("`{}`", self.config.copies.command.text()),
            cost_per_image: None,
            digest: digest(&(&self.config.copies.command, self.config.pods_per_node)),
        };
        Ok((workload, Vec::new()))
    }

    async fn create(&mut self, nodes: &[NodeId]) -> Result<Vec<PodSpec>, Refusal> {
        self.stop().await?;
        let name = &self.config.name;
        let each = |node: &NodeId| {
            let node = *node;
            (0..self.config.pods_per_node).map(move |index| (format!("tenant-{name}-{node}-{index}"), node))
        };
        let pods: Vec<_> = nodes.iter().flat_map(each).collect();
        let (pods, outputs) = self.copies.create(&pods, Role::Aggressor, self.config.resources)?;
        outputs.into_iter().for_each(Output::drain);
        Ok(pods)
    }

    async fn start(&mut self) -> Result<(), Refusal> {
        self.copies.release().await
    }

    async fn set_rate(&mut self, _: Rate) -> Result<(), Refusal> {
        let refusal = Refusal::new(format!("aggressor {}", self.config.name), "a command has no rate");
        Err(refusal.accepting("an aggressor without load"))
    }

    async fn counts(&mut self, _: bool) -> Result<Vec<TenantCounts>, Refusal> {
        self.copies.all_alive().await?;
        Ok(Vec::new())
    }

    async fn reset(&mut self) -> Result<(), Refusal> {
        Ok(())
    }

    async fn begin_run(&mut self, _: WindowRun) -> Result<Vec<RunOrder>, Refusal> {
        Ok(Vec::new())
    }

    async fn end_run(&mut self) -> Vec<RunEnd> {
        Vec::new()
    }

    async fn stop(&mut self) -> Result<(), Refusal> {
        self.copies.end().await;
        Ok(())
    }

    async fn close(&mut self) {
        self.copies.end().await;
    }
}
