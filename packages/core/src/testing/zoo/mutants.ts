/**
 * The zoo: every broken adapter. They show that the laws can fail.
 */
import { crashMutants } from "./crashMutants.ts"
import { deliveryMutants } from "./deliveryMutants.ts"
import { engineMutants } from "./engineMutants.ts"
import type { Mutant } from "./Mutant.ts"
import { processMutants } from "./processMutants.ts"
import { readMutants } from "./readMutants.ts"
import { storeMutants } from "./storeMutants.ts"
import { termsMutants } from "./termsMutants.ts"

export const mutants: ReadonlyArray<Mutant> = [
  ...storeMutants,
  ...readMutants,
  ...engineMutants,
  ...crashMutants,
  ...deliveryMutants,
  ...processMutants,
  ...termsMutants,
]
