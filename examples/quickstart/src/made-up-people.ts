import { faker } from '@faker-js/faker/locale/en';
import type { ClinicRows, Person, PractitionerRecord, VisitRecord } from './person.ts';

/** The same seed makes the same people, in both databases and on every machine. */
const SEED = 20_261_101;
const SPECIALTIES = ['General practice', 'Cardiology', 'Dermatology', 'Paediatrics', 'Neurology', 'Orthopaedics'];
const REASONS = [
  'Annual check-up',
  'Persistent cough',
  'Back pain',
  'Blood pressure',
  'Skin rash',
  'Headache',
  'Vaccination',
  'Sprained ankle',
];
const FINDINGS = [
  'Nothing unusual. Next check-up in a year.',
  'Blood pressure 142/91. Medication adjusted, follow-up in three months.',
  'Mild infection. Rest and fluids, no antibiotics.',
  'Referred to a specialist for imaging.',
  'Blood sample taken. Results are sent by post.',
];
const ALLERGIES = ['penicillin', 'latex', 'peanuts', 'pollen', 'aspirin', 'ibuprofen'];

/** Makes up practitioners, so many people, and up to three visits of each. */
export function makeUpClinic(people: number): ClinicRows {
  faker.seed(SEED);
  faker.setDefaultRefDate('2026-11-01T00:00:00Z');
  const practitioners = SPECIALTIES.map(practitioner);
  const patients = Array.from({ length: people }, (_, at) => person(at));
  const visits = patients.flatMap(({ id }) =>
    Array.from({ length: faker.number.int({ min: 1, max: 3 }) }, () =>
      visit(id, faker.helpers.arrayElement(practitioners).id),
    ),
  );
  return { practitioners, people: patients, visits };
}

function practitioner(specialty: string): PractitionerRecord {
  const licence = faker.helpers.replaceSymbols('LIC-####-????-##');
  return {
    id: faker.string.uuid(),
    name: `Dr ${faker.person.firstName()} ${faker.person.lastName()}`,
    specialty,
    licence,
  };
}

function person(at: number): Person {
  const [first, last] = [faker.person.firstName(), faker.person.lastName()];
  return {
    id: faker.string.uuid(),
    name: `${first} ${last}`,
    // The number keeps namesakes apart.
    email: `${first}.${last}.${at + 1}@example.com`.replaceAll(/[' ]/g, ''),
    phone: faker.helpers.replaceSymbols('+1 (555) ###-####'),
    address: `${faker.location.streetAddress()}, ${faker.location.zipCode('#####')}`,
    notes:
      faker.number.int(9) < 3
        ? `Allergic to ${faker.helpers.arrayElement(ALLERGIES)}. Next of kin: ${faker.person.firstName()} ${last}.`
        : null,
    city: faker.location.city(),
  };
}

function visit(patientId: string, practitionerId: string): VisitRecord {
  const day = faker.date.past({ years: 2 });
  const findings = faker.datatype.boolean() ? faker.helpers.arrayElement(FINDINGS) : null;
  return {
    id: faker.string.uuid(),
    patientId,
    practitionerId,
    day,
    reason: faker.helpers.arrayElement(REASONS),
    findings,
  };
}
