//! What is answered to a review.

use crds::conversion::convert;
use kube::core::conversion::{ConversionRequest, ConversionResponse, ConversionReview};
use kube::core::response::{Status, StatusSummary};

/// The answer to a request's body; always one, also to what is no review.
pub(super) fn answer(body: &[u8]) -> ConversionReview {
    let request = serde_json::from_slice::<ConversionReview>(body)
        .map_err(|error| error.to_string())
        .and_then(|review| ConversionRequest::from_review(review).map_err(|error| error.to_string()));
    match request {
        Ok(request) => converted(request),
        Err(reason) => ConversionResponse::invalid(failure(format!("not a ConversionReview: {reason}"))).into_review(),
    }
}

fn converted(mut request: ConversionRequest) -> ConversionReview {
    let objects = std::mem::take(&mut request.objects);
    let wanted = request.desired_api_version.clone();
    let response = ConversionResponse::for_request(request);
    let mut converted = Vec::with_capacity(objects.len());
    for object in objects {
        let name = name(&object);
        match convert(object, &wanted) {
            Ok(object) => converted.push(object),
            Err(error) => return response.failure(failure(format!("{name}: {error}"))).into_review(),
        }
    }
    response.success(converted).into_review()
}

/// By which an object is told from the others of a list.
fn name(object: &serde_json::Value) -> String {
    let text = |path: &str| object.pointer(path).and_then(serde_json::Value::as_str).unwrap_or("?");
    format!("{} {}/{}", text("/kind"), text("/metadata/namespace"), text("/metadata/name"))
}

fn failure(message: String) -> Status {
    Status {
        status: Some(StatusSummary::Failure),
        message,
        ..Status::default()
    }
}

#[cfg(test)]
#[path = "review_tests.rs"]
mod tests;
