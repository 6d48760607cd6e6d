/**
 * A problem document, and the error of an answer that only a surface can give.
 */

/** A problem document as it arrived. */
export interface Problem {
  readonly status: number
  readonly code: string
  readonly title: string
  readonly detail: string
  readonly type?: string
  readonly legacyCode?: string
  readonly retryable?: boolean
  readonly outcome?: "nothing-happened" | "unknown"
  readonly errors?: ReadonlyArray<{ readonly pointer: string; readonly message: string }>
  readonly refusal?: unknown
  readonly unavailable?: unknown
  readonly traceId?: string
}

/** An answer that is no success and no refusal of the shop: the caller, the request or the way there is at fault. */
export class ProblemError extends Error {
  override readonly name = "ProblemError"
  readonly code: string
  readonly status: number
  readonly problem: Problem

  constructor(problem: Problem) {
    // Where there are no numbers to tell, the detail is the title.
    super(problem.title === problem.detail ? problem.title : `${problem.title}: ${problem.detail}`)
    this.code = problem.code
    this.status = problem.status
    this.problem = problem
  }
}
