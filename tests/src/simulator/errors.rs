//! The Cloud API's errors: their codes, HTTP statuses, titles and JSON.
//!
//! After <https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes>
//! and the Graph API's error handling.

use serde_json::{Value, json};

/// An error as the Cloud API answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The error code; 0 to 200 are the Graph API's own.
    pub code: u32,
    /// What exactly is wrong, if the API says so.
    pub details: Option<String>,
    /// A message that stands in place of the code's title.
    message: Option<String>,
}

impl ApiError {
    /// An error with details.
    pub fn new(code: u32, details: impl Into<String>) -> Self {
        Self {
            code,
            details: Some(details.into()),
            message: None,
        }
    }

    /// An error of the Graph API, whose message says it all.
    pub fn graph(code: u32, message: impl Into<String>) -> Self {
        Self {
            code,
            details: None,
            message: Some(message.into()),
        }
    }

    /// The HTTP status that goes with it.
    pub fn http_status(&self) -> u16 {
        known(self.code).0
    }

    /// The body of the answer.
    pub fn body(&self, trace: &str) -> Value {
        let title = known(self.code).1;
        let message = self
            .message
            .clone()
            .unwrap_or_else(|| format!("(#{}) {title}", self.code));
        let mut error = json!({
            "message": message,
            "type": if self.code == 33 { "GraphMethodException" } else { "OAuthException" },
            "code": if self.code == 33 { 100 } else { self.code },
            "fbtrace_id": trace,
        });
        if self.code == 33 {
            error["error_subcode"] = json!(33);
        }
        if let Some(details) = &self.details {
            error["error_data"] = json!({"messaging_product": "whatsapp", "details": details});
        }
        json!({ "error": error })
    }

    /// As it stands in the `errors` of a status webhook.
    pub fn in_webhook(&self) -> Value {
        let title = known(self.code).1;
        json!({
            "code": self.code,
            "title": title,
            "message": title,
            "error_data": {"details": self.details.clone().unwrap_or_else(|| title.to_owned())},
            "href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
        })
    }
}

/// HTTP status and title of a code.
fn known(code: u32) -> (u16, &'static str) {
    match code {
        0 => (401, "AuthException"),
        1 => (400, "API Unknown"),
        2 => (503, "API Service"),
        3 => (500, "API Method"),
        4 => (400, "API Too Many Calls"),
        10 => (403, "Permission Denied"),
        33 => (400, "Parameter value is not valid"),
        100 => (400, "Invalid parameter"),
        190 => (401, "Access token has expired"),
        368 => (403, "Temporarily blocked for policies violations"),
        80007 => (400, "Rate limit issues"),
        130429 => (400, "Rate limit hit"),
        131000 => (500, "Something went wrong"),
        131005 => (403, "Access denied"),
        131008 => (400, "Required parameter is missing"),
        131009 => (400, "Parameter value is not valid"),
        131016 => (503, "Service unavailable"),
        131021 => (400, "Recipient cannot be sender"),
        131026 => (400, "Message undeliverable"),
        131031 => (403, "Account has been locked"),
        131042 => (400, "Business eligibility payment issue"),
        131047 => (400, "Re-engagement message"),
        131048 => (400, "Spam rate limit hit"),
        131051 => (400, "Unsupported message type"),
        131052 => (500, "Media download error"),
        131053 => (500, "Media upload error"),
        131056 => (400, "(Business Account, Consumer Account) pair rate limit hit"),
        132000 => (
            400,
            "Number of parameters does not match the expected number of params",
        ),
        132001 => (404, "Template name does not exist in the translation"),
        132005 => (400, "Template Hydrated Text Too Long"),
        132012 => (
            400,
            "Parameter format does not match format in the created template",
        ),
        132015 => (400, "Template is Paused"),
        132016 => (400, "Template is Disabled"),
        132018 => (400, "There is an issue with the parameters in your template"),
        _ => (400, "Something went wrong"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_the_graph_apis() {
        let body = ApiError::new(132_000, "body: 1 is not 2").body("Abc");
        assert_eq!(
            body,
            json!({"error": {
                "message": "(#132000) Number of parameters does not match the expected number of params",
                "type": "OAuthException", "code": 132_000, "fbtrace_id": "Abc",
                "error_data": {"messaging_product": "whatsapp", "details": "body: 1 is not 2"}}})
        );
    }
}
