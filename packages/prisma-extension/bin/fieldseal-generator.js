#!/usr/bin/env node
// Stands outside lib, so that npm can link it before the package is built.
import '../lib/generator.js';
