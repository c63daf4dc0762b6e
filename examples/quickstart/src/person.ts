/** A patient as the application knows one. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly phone: string | null;
  readonly address: string | null;
  readonly notes: string | null;
  readonly city: string;
}

/** One visit of a patient. */
export interface VisitRecord {
  readonly id: string;
  readonly patientId: string;
  readonly practitionerId: string;
  readonly day: Date;
  readonly reason: string;
  readonly findings: string | null;
}

/** Who sees the patients. */
export interface PractitionerRecord {
  readonly id: string;
  readonly name: string;
  readonly specialty: string;
  readonly licence: string;
}

/** All rows of a clinic. */
export interface ClinicRows {
  readonly practitioners: readonly PractitionerRecord[];
  readonly people: readonly Person[];
  readonly visits: readonly VisitRecord[];
}
