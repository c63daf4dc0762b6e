#!/usr/bin/env node
// Stands outside dist, so that npm can link it before the package is built.
import '../dist/generator/bin.js';
