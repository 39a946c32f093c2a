//! Every message that travels between the parts.
//!
//! One enum, so that the embedded broker moves values and the codec writes bytes of the same thing.

mod control;
mod request;
mod work;

use serde::{Deserialize, Serialize};

pub use control::{
    Announcement, Case, Directive, DirectiveReply, Finding, Holding, Knock, Notice, NoticeKind, Order, Planned, Verdict,
};
pub use request::{
    ANSWER_TOO_LARGE, AnswerReply, Diagnostic, Document, ErrorBody, JobRequest, PlanReady, PlanRefused, Refusal,
    ReplyTo, Severity, SubmittedFile,
};
pub use work::{Assignment, Claim, Grant, Report, Revocation, Usage, With};

use crate::id::JobId;

/// A message of any type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Somebody wants something done. To the planner.
    JobRequest(Box<JobRequest>),
    /// A plan stands. To the assembler.
    PlanReady(Box<PlanReady>),
    /// A request that cannot become a plan. To the assembler.
    PlanRefused(Box<PlanRefused>),
    /// The assembler has a plan, or its refusal, in its log. To the planner that sent it.
    Planned(Planned),
    /// An attempt for a worker.
    Assignment(Box<Assignment>),
    /// How an attempt ended. To the assembler.
    Report(Box<Report>),
    /// A worker wants to start an attempt with effects. To the assembler.
    Claim(Claim),
    /// It may. To that worker.
    Grant(Grant),
    /// An attempt must end. To workers.
    Revocation(Revocation),
    /// What a worker still holds. To the assembler.
    Holding(Holding),
    /// Somebody would own this partition. To the assembler.
    Knock(Knock),
    /// An assembler lives, and what it owns. To assemblers.
    Announcement(Announcement),
    /// A doubtful task. To escalation.
    Case(Box<Case>),
    /// What escalation concluded. To the assembler.
    Finding(Box<Finding>),
    /// What a person decided. To the assembler.
    Directive(Box<Directive>),
    /// What became of a directive. To who sent it.
    DirectiveReply(DirectiveReply),
    /// Progress, for whoever watches.
    Notice(Box<Notice>),
    /// The answer of a job. To who asked.
    Answer(Box<AnswerReply>),
    /// A request was refused. To who asked.
    Refusal(Box<Refusal>),
}

impl Message {
    /// The AMQP `type` property: a name and a major version.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::JobRequest(_) => "job.request.v1",
            Self::PlanReady(_) => "plan.ready.v1",
            Self::PlanRefused(_) => "plan.refused.v1",
            Self::Planned(_) => "plan.recorded.v1",
            Self::Assignment(_) => "task.assignment.v1",
            Self::Report(_) => "task.report.v1",
            Self::Claim(_) => "task.claim.v1",
            Self::Grant(_) => "task.grant.v1",
            Self::Revocation(_) => "task.revocation.v1",
            Self::Holding(_) => "worker.holding.v1",
            Self::Knock(_) => "partition.knock.v1",
            Self::Announcement(_) => "assembler.announcement.v1",
            Self::Case(_) => "escalation.case.v1",
            Self::Finding(_) => "escalation.finding.v1",
            Self::Directive(_) => "job.directive.v1",
            Self::DirectiveReply(_) => "job.directive.reply.v1",
            Self::Notice(_) => "job.notice.v1",
            Self::Answer(_) => "job.answer.v1",
            Self::Refusal(_) => "job.refusal.v1",
        }
    }

    /// The job that it is about, where it is about one.
    pub fn job(&self) -> Option<JobId> {
        match self {
            Self::JobRequest(request) => request.job,
            Self::PlanReady(ready) => Some(ready.job),
            Self::PlanRefused(refused) => Some(refused.job),
            Self::Planned(planned) => Some(planned.job),
            Self::Assignment(assignment) => Some(assignment.job),
            Self::Report(report) => Some(report.job),
            Self::Claim(claim) => Some(claim.job),
            Self::Grant(grant) => Some(grant.job),
            Self::Revocation(revocation) => Some(revocation.job),
            Self::Holding(_) | Self::Knock(_) | Self::Announcement(_) => None,
            Self::Case(case) => Some(case.job),
            Self::Finding(finding) => Some(finding.job),
            Self::Directive(directive) => Some(directive.job),
            Self::DirectiveReply(reply) => Some(reply.job),
            Self::Notice(notice) => Some(notice.job),
            Self::Answer(answer) => Some(answer.job),
            Self::Refusal(refusal) => refusal.job,
        }
    }
}
