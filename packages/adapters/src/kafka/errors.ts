/** Whether an error of a client, or what it was made of, names an error of Kafka's protocol. */
export const isAbout = (error: unknown, name: string, depth = 0): boolean => {
  if (typeof error !== "object" || error === null || depth > 5) return false
  if ("type" in error && error.type === name) return true
  if ("apiId" in error && error.apiId === name) return true
  if ("errors" in error && Array.isArray(error.errors) && error.errors.some((each) => isAbout(each, name, depth + 1))) {
    return true
  }
  return "cause" in error && isAbout(error.cause, name, depth + 1)
}
