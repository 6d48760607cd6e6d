/**
 * `HOLDFAST_SERVICES`: which of the servers that tests may start are meant. By default local binaries, where there are
 * none those that npm brought, and where there are neither a container. `npm` leaves out the first, also where there are
 * some; `docker` means containers only.
 */
export const wanted = (): "any" | "npm" | "docker" => {
  const value = process.env.HOLDFAST_SERVICES ?? ""
  if (value === "npm" || value === "docker") return value
  if (value === "") return "any"
  throw new Error(`HOLDFAST_SERVICES is npm or docker, and not ${value}.`)
}
