//! Whether everybody can use a page: axe-core, in the page.

use super::Browser;

const AXE: &str = include_str!("../../vendor/axe-core/axe.min.js");

/// What is wrong, one line for each place: the rule, the element, and what to change. Animations
/// are at their end, so that no colour is looked at half-way.
const RUN: &str = "(async () => {
    for (const animation of document.getAnimations()) {
        if (animation.effect.getComputedTiming().iterations !== Infinity) animation.finish();
    }
    const { violations } = await axe.run(document, { resultTypes: ['violations'] });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
        `${id}: ${target.flat().join(' ')}: ${failureSummary.replace(/\\s+/g, ' ')}`));
})()";

impl Browser {
    /// What keeps some people from using the page as it stands now, by the rules of axe-core;
    /// shadow roots are part of it. Empty when nothing does.
    ///
    /// # Panics
    /// If the page cannot be looked at.
    pub async fn axe_violations(&self) -> Vec<String> {
        let script = format!("{AXE}; return typeof axe;");
        let loaded = self.client.execute(&script, Vec::new()).await;
        assert_eq!(loaded.expect("axe-core runs"), "object");
        let found = self.evaluate(RUN).await;
        let found = found.as_array().expect("a list of violations");
        found.iter().map(|it| it.as_str().unwrap_or_default().to_owned()).collect()
    }
}
