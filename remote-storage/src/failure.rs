//! What can go wrong with a plug-in, by what the caller should do about it.

use storage::{ReadError, Remedy, WriteError};
use tonic::{Code, Status};

/// Why a plug-in cannot be called at all.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The address is none of a plug-in.
    #[error("{0:?} is no address of a plug-in: expecting http://host:port")]
    Address(String),
    /// The header is none.
    #[error("{0:?} is no name of a header")]
    Header(String),
}

/// A call that a plug-in did not answer well.
#[derive(Debug, thiserror::Error)]
#[error("{method}: {code:?}: {message}")]
pub struct CallError {
    /// The method, without its package.
    pub method: &'static str,
    /// The code of gRPC.
    pub code: Code,
    /// What the plug-in says.
    pub message: String,
}

impl CallError {
    pub(crate) fn new(method: &'static str, status: &Status) -> Self {
        Self {
            method,
            code: status.code(),
            message: status.message().to_owned(),
        }
    }

    pub(crate) fn late(method: &'static str) -> Self {
        Self {
            method,
            code: Code::DeadlineExceeded,
            message: "no answer in time".to_owned(),
        }
    }

    /// The plug-in does not have the method.
    pub(crate) fn is_missing(&self) -> bool {
        self.code == Code::Unimplemented
    }

    /// What a refused export asks for. Go's plug-ins say `UNKNOWN` for whatever goes wrong within
    /// them, so that only what is clearly about the spans blames the spans.
    pub(crate) fn remedy(&self) -> Remedy {
        match self.code {
            Code::InvalidArgument => Remedy::Bisect,
            Code::ResourceExhausted | Code::OutOfRange if self.is_about_size() => Remedy::Bisect,
            Code::Unimplemented
            | Code::PermissionDenied
            | Code::Unauthenticated
            | Code::NotFound
            | Code::AlreadyExists
            | Code::FailedPrecondition => Remedy::CallOperator,
            Code::Ok
            | Code::Cancelled
            | Code::Unknown
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Aborted
            | Code::OutOfRange
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss => Remedy::TryAgain,
        }
    }

    /// The words of gRPC's libraries for a message beyond what the server takes.
    fn is_about_size(&self) -> bool {
        self.message.contains("larger than max") || self.message.contains("too large")
    }
}

impl From<CallError> for WriteError {
    fn from(error: CallError) -> Self {
        Self::Plugin {
            remedy: error.remedy(),
            source: Box::new(error),
        }
    }
}

impl From<CallError> for ReadError {
    fn from(error: CallError) -> Self {
        match error.code {
            Code::DeadlineExceeded => Self::Timeout,
            Code::Unavailable | Code::Cancelled | Code::Aborted | Code::ResourceExhausted => {
                Self::PluginAway(Box::new(error))
            }
            Code::Unimplemented => {
                Self::Unsupported("the storage plug-in does not have that method")
            }
            _ => Self::PluginFailed(Box::new(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: Code, message: &str) -> CallError {
        CallError::new("Export", &Status::new(code, message))
    }

    #[test]
    fn a_code_says_whether_to_wait_to_halve_or_to_call() {
        for (code, remedy) in [
            (Code::Unavailable, Remedy::TryAgain),
            (Code::DeadlineExceeded, Remedy::TryAgain),
            (Code::ResourceExhausted, Remedy::TryAgain),
            (Code::Unknown, Remedy::TryAgain),
            (Code::Internal, Remedy::TryAgain),
            (Code::InvalidArgument, Remedy::Bisect),
            (Code::Unimplemented, Remedy::CallOperator),
            (Code::PermissionDenied, Remedy::CallOperator),
            (Code::Unauthenticated, Remedy::CallOperator),
        ] {
            assert_eq!(error(code, "words").remedy(), remedy, "{code:?}");
        }
    }

    #[test]
    fn a_message_beyond_the_servers_limit_is_halved() {
        let go = "grpc: received message larger than max (5000000 vs. 4194304)";
        assert_eq!(error(Code::ResourceExhausted, go).remedy(), Remedy::Bisect);
        let tonic = "Error, decoded message length too large: found 5000000 bytes";
        assert_eq!(error(Code::OutOfRange, tonic).remedy(), Remedy::Bisect);
    }
}
