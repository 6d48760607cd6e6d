/**
 * The namespace `Zoo`: broken adapters that show that the laws can fail, and healthy ones that they must not accuse.
 */
export { huntRequests, type RequestMutant, requestMutants } from "./requests/requestMutants.ts"
export type { Mutant } from "./zoo/Mutant.ts"
export { mutants } from "./zoo/mutants.ts"
export { type Found, type Searched, searched, searchedWhole } from "./zoo/search.ts"
export { type Caught, controls, falseAlarms, hunt, matrixOf } from "./zoo/zoo.ts"
