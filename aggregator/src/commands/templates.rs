//! `templates`: the message templates that Meta has approved, held against ours.

use super::{Failure, print, print_json};
use crate::config::Config;
use crate::notify::cloud_api::CloudApi;
use crate::notify::{WhatsApp, template_check};

pub(super) fn check(config: &Config, json: bool) -> Result<(), Failure> {
    let Some(WhatsApp::Cloud(settings)) = &config.whatsapp else {
        return Err(Failure::Wrong(
            "Message templates belong to WhatsApp's Cloud API, which this configuration does not use."
                .to_owned(),
        ));
    };
    let api = CloudApi::new(settings.clone())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Wrong(format!("The system gives no threads: {error}.")))?;
    let listed = runtime.block_on(api.listed());
    let listed =
        listed.map_err(|failure| Failure::Wrong(format!("Meta cannot be asked: {}", failure.detail())))?;
    let Some(listed) = listed else {
        return Err(Failure::Wrong(
            "Write the id of the WhatsApp Business Account as `whatsapp.business_account_id` first."
                .to_owned(),
        ));
    };
    let findings = template_check::compare(&listed);
    if json {
        print_json(&findings);
    } else {
        for finding in &findings {
            let state = finding.problem.as_deref().unwrap_or("approved");
            print(&format!("{:<16} {}  {state}\n", finding.name, finding.language));
        }
    }
    match findings.iter().all(|finding| finding.problem.is_none()) {
        true => Ok(()),
        false => Err(Failure::Reported),
    }
}
