/** Runs asynchronous jobs one after the other, in the order in which they were asked for. */
export const oneByOne = (): (<A>(job: () => Promise<A>) => Promise<A>) => {
  let last: Promise<unknown> = Promise.resolve()
  return (job) => {
    const next = last.then(job)
    last = next.catch(() => {})
    return next
  }
}
